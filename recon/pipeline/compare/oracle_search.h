#pragma once

#include <functional>

namespace recon {

/// The positive number in [low, high] at which `score` is highest: a grid of factors of four, then golden sections
/// between the neighbours of its best point, down to 8 %. Scores that are NaN lose; equal ones go to the smaller
/// number. For a score with one peak on that grid; 14 + 6 evaluations for eight decades.
double best_number(const std::function<double(double)>& score, double low, double high);

}  // namespace recon
