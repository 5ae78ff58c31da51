#include "priors/train/level_distribution.h"

#include <ATen/ATen.h>

#include <numbers>

namespace recon {
namespace {

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_quantile(double p) {
  const at::Tensor argument = at::scalar_tensor(2 * p - 1, at::kDouble);
  return std::numbers::sqrt2 * at::erfinv(argument).item<double>();
}

}  // namespace

LevelDistribution::LevelDistribution(const NoiseSchedule& schedule, const TrainingOptions& options)
    : schedule_(schedule),
      options_(options),
      rng_(static_cast<std::uint64_t>(options.seed), "noise levels"),
      low_(schedule.min_relative_sigma()),
      high_(schedule.max_relative_sigma()) {}

double LevelDistribution::time_at(double u) const {
  if (options_.levels == LevelLaw::log_uniform) {
    return schedule_.time_of(std::exp(std::lerp(std::log(low_), std::log(high_), u)));
  }
  if (options_.levels == LevelLaw::log_normal) {
    const auto z = [&](double r) { return (std::log(r) - options_.log_mean) / options_.log_std; };
    const double p = std::lerp(normal_cdf(z(low_)), normal_cdf(z(high_)), u);
    const double r = std::exp(options_.log_mean + options_.log_std * normal_quantile(p));
    return schedule_.time_of(std::clamp(r, low_, high_));
  }
  const auto* table = std::get_if<TabulatedSchedule>(&schedule_.kind());
  if (table != nullptr) return std::floor(u * static_cast<double>(table->alpha_bar.size()));
  return std::lerp(schedule_.time_of(low_), schedule_.time_of(high_), u);
}

std::vector<double> LevelDistribution::draw(std::int64_t step) const {
  const at::Tensor u =
      rng_.uniform({{static_cast<std::uint64_t>(step), 0}}, 0, {{options_.batch}, ScalarKind::real})[0].contiguous();
  std::vector<double> times;
  for (std::int64_t i = 0; i < options_.batch; ++i) {
    const double slice = (static_cast<double>(i) + u.data_ptr<double>()[i]) / static_cast<double>(options_.batch);
    times.push_back(time_at(slice));
  }
  return times;
}

}  // namespace recon
