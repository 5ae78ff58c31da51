#include "priors/mse_table.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace recon {
namespace {

constexpr double kPerDecade = 6;  ///< grid of relative sigmas from 10^-3 to 10^3
constexpr std::int64_t kGridPoints = 37;

double grid_sigma(std::int64_t i) { return std::pow(10.0, static_cast<double>(i) / kPerDecade - 3); }

}  // namespace

struct MseTable::Measured {
  std::once_flag once;
  std::vector<double> log_mse;
};

MseTable::MseTable(std::function<double(double relative_sigma)> measure)
    : measure_(std::move(measure)), measured_(std::make_unique<Measured>()) {}

MseTable::~MseTable() = default;

double MseTable::at(double relative_sigma) const {
  std::call_once(measured_->once, [this] {
    for (std::int64_t i = 0; i < kGridPoints; ++i) measured_->log_mse.push_back(std::log(measure_(grid_sigma(i))));
  });
  const std::vector<double>& table = measured_->log_mse;
  const double lowest = grid_sigma(0);
  // Below the grid the noise is the error of every pixel that varies: mse ~ r². Above it the error is the prior's.
  if (relative_sigma < lowest) return std::exp(table.front()) * std::pow(relative_sigma / lowest, 2);
  const double position = std::min((std::log10(relative_sigma) + 3) * kPerDecade, static_cast<double>(kGridPoints - 1));
  const auto i = std::min(static_cast<std::size_t>(position), table.size() - 2);
  return std::exp(std::lerp(table[i], table[i + 1], position - static_cast<double>(i)));
}

}  // namespace recon
