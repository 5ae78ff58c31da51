#include "recon/pipeline/compare/oracle_search.h"

#include <cmath>
#include <vector>

namespace recon {
namespace {

constexpr double kGridFactor = 4;
constexpr int kRefinements = 6;
const double kGolden = (std::sqrt(5.0) - 1) / 2;

}  // namespace

double best_number(const std::function<double(double)>& score, double low, double high) {
  const double first = std::log(low), last = std::log(high);
  const auto intervals = static_cast<int>(std::max(1.0, std::ceil((last - first) / std::log(kGridFactor))));
  const double stride = (last - first) / intervals;
  double best = first, best_score = -INFINITY;
  const auto scored = [&](double at) {
    const double value = score(std::exp(at));
    if (value > best_score) {
      best_score = value;
      best = at;
    }
    return std::isnan(value) ? -INFINITY : value;
  };
  for (int i = 0; i <= intervals; ++i) scored(first + i * stride);
  double a = std::max(first, best - stride), b = std::min(last, best + stride);
  double left = b - kGolden * (b - a), right = a + kGolden * (b - a);
  double at_left = scored(left), at_right = scored(right);
  for (int i = 2; i < kRefinements; ++i) {
    if (at_left >= at_right) {
      b = right, right = left, at_right = at_left;
      at_left = scored(left = b - kGolden * (b - a));
    } else {
      a = left, left = right, at_left = at_right;
      at_right = scored(right = a + kGolden * (b - a));
    }
  }
  return std::exp(best);
}

}  // namespace recon
