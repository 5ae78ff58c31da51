#include "priors/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <variant>

#include "priors/schedule_checks.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Where stepping starts on processes that reach alpha = 0 at t = 1, and ends on those that reach sigma = 0 at t = 0.
constexpr double kOpenStart = 0.999, kOpenEnd = 1e-3;
constexpr double kKarrasRho = 7;

std::vector<double> linear_betas(std::int64_t timesteps, double start, double end) {
  if (timesteps < 1) throw data_error("noise schedule", "expected at least one timestep, got {}", timesteps);
  std::vector<double> betas(static_cast<std::size_t>(timesteps), start);
  for (std::size_t i = 1; i < betas.size(); ++i) {
    betas[i] = std::lerp(start, end, static_cast<double>(i) / static_cast<double>(betas.size() - 1));
  }
  return betas;
}

/// 1 - f(next) / f(this) for a falling f of t in 0..1, at most 0.999.
template <class Falling>
std::vector<double> clipped_betas(std::int64_t timesteps, const Falling& f) {
  constexpr double kLargestBeta = 0.999;
  std::vector<double> betas = linear_betas(timesteps, 0, 0);
  const auto at = [&](std::size_t i) { return f(static_cast<double>(i) / static_cast<double>(timesteps)); };
  for (std::size_t i = 0; i < betas.size(); ++i) betas[i] = std::min(1 - at(i + 1) / at(i), kLargestBeta);
  return betas;
}

}  // namespace

NoiseSchedule::NoiseSchedule(Kind kind) : kind_(std::move(kind)) { check_parameters(kind_); }

NoiseSchedule NoiseSchedule::vp_linear(std::int64_t timesteps, double beta_start, double beta_end) {
  return from_betas("vp_linear", linear_betas(timesteps, beta_start, beta_end));
}

NoiseSchedule NoiseSchedule::vp_scaled_linear(std::int64_t timesteps, double beta_start, double beta_end) {
  std::vector<double> betas = linear_betas(timesteps, std::sqrt(beta_start), std::sqrt(beta_end));
  for (double& beta : betas) beta *= beta;
  return from_betas("vp_scaled_linear", betas);
}

NoiseSchedule NoiseSchedule::vp_cosine(std::int64_t timesteps) {
  constexpr double kOffset = 0.008;
  const auto f = [](double t) { return std::pow(std::cos((t + kOffset) / (1 + kOffset) * kHalfPi), 2); };
  return from_betas("vp_cosine", clipped_betas(timesteps, f));
}

NoiseSchedule NoiseSchedule::vp_sigmoid(std::int64_t timesteps, double start, double end, double tau) {
  check_schedule(start < end && tau > 0 && std::isfinite(start) && std::isfinite(end) && std::isfinite(tau),
                 "vp_sigmoid", "start < end and tau > 0");
  const auto sigmoid = [&](double x) { return 1 / (1 + std::exp(-x / tau)); };
  const auto f = [&](double t) { return sigmoid(end) - sigmoid(std::lerp(start, end, t)); };
  return from_betas("vp_sigmoid", clipped_betas(timesteps, f));
}

NoiseSchedule NoiseSchedule::vp_sigmoid_beta(std::int64_t timesteps, double beta_start, double beta_end) {
  std::vector<double> betas = linear_betas(timesteps, -6, 6);
  for (double& beta : betas) beta = std::lerp(beta_start, beta_end, 1 / (1 + std::exp(-beta)));
  return from_betas("vp_sigmoid_beta", betas);
}

NoiseSchedule NoiseSchedule::from_betas(std::string name, const std::vector<double>& betas) {
  TabulatedSchedule table{std::move(name), {}};
  double product = 1;
  for (const double beta : betas) {
    check_schedule(beta > 0 && beta < 1, table.name, "every beta between 0 and 1, both excluded");
    table.alpha_bar.push_back(product *= 1 - beta);
  }
  return NoiseSchedule(std::move(table));
}

std::string NoiseSchedule::name() const {
  return std::visit(Overloaded{[](const TabulatedSchedule& table) { return table.name; },
                               [](const VpContinuousSchedule&) { return std::string("vp_continuous"); },
                               [](const CosineContinuousSchedule&) { return std::string("cosine_continuous"); },
                               [](const VeGeometricSchedule&) { return std::string("ve_geometric"); },
                               [](const EdmRhoSchedule&) { return std::string("edm_rho"); },
                               [](const FlowSchedule&) { return std::string("flow"); }},
                    kind_);
}

NoiseLevel NoiseSchedule::at(double t) const {
  if (!(t >= min_time() && t <= max_time())) {
    throw internal_error("noise schedule " + name(), "expected a time in [{}, {}], got {}", min_time(), max_time(), t);
  }
  return level_at(kind_, t);
}

SdeCoefficients NoiseSchedule::sde(double t) const {
  const NoiseLevel level = at(t);
  const SdeCoefficients result = sde_at(kind_, t);
  if (!(level.alpha > 0 && std::isfinite(result.g_squared))) {
    throw internal_error("noise schedule " + name(), "expected a time with alpha > 0, got {}", t);
  }
  return result;
}

ProbabilityFlow NoiseSchedule::probability_flow(double t) const {
  const auto [alpha, sigma] = at(t);
  if (!(sigma > 0)) throw internal_error("noise schedule " + name(), "expected a time with sigma > 0, got {}", t);
  const auto [f, g_squared] = sde(t);
  const double rate = g_squared / (2 * sigma * sigma);  // d log r / dt
  return {f + rate, -alpha * rate};
}

double NoiseSchedule::time_of(double relative_sigma) const {
  if (!(relative_sigma >= 0)) {
    throw internal_error("noise schedule " + name(), "expected a relative sigma >= 0, got {}", relative_sigma);
  }
  if (std::isinf(relative_sigma)) return max_time();
  return std::clamp(time_at(kind_, relative_sigma), min_time(), max_time());
}

double NoiseSchedule::min_time() const { return std::holds_alternative<TabulatedSchedule>(kind_) ? -1 : 0; }

double NoiseSchedule::max_time() const {
  const auto* table = std::get_if<TabulatedSchedule>(&kind_);
  return table ? static_cast<double>(table->alpha_bar.size() - 1) : 1;
}

double NoiseSchedule::max_relative_sigma() const {
  const bool open =
      std::holds_alternative<FlowSchedule>(kind_) || std::holds_alternative<CosineContinuousSchedule>(kind_);
  return at(open ? kOpenStart : max_time()).relative_sigma();
}

double NoiseSchedule::min_relative_sigma() const {
  const bool reaches_trained_end = std::holds_alternative<TabulatedSchedule>(kind_) ||
                                   std::holds_alternative<VeGeometricSchedule>(kind_) ||
                                   std::holds_alternative<EdmRhoSchedule>(kind_);
  return at(reaches_trained_end ? 0 : kOpenEnd).relative_sigma();
}

std::vector<NoiseLevel> NoiseSchedule::table_steps(std::int64_t n, Spacing spacing, double start,
                                                   std::int64_t steps_offset) const {
  const std::string location = "noise schedule " + name();
  if (!std::holds_alternative<TabulatedSchedule>(kind_)) {
    throw usage_error(location, "spacing {} places timesteps of a table, and this schedule has none; use {}",
                      to_string(spacing), to_string(Spacing::uniform_t));
  }
  const auto count = static_cast<std::int64_t>(std::floor(time_of(start))) + 1;
  if (count < 1) {
    throw usage_error(location, "expected a start not below the cleanest relative sigma {:.4g}, got {:.4g}",
                      min_relative_sigma(), start);
  }
  std::vector<NoiseLevel> levels;
  for (const double t : table_timesteps(spacing, n, count, steps_offset, location)) levels.push_back(at(t));
  return levels;
}

std::vector<NoiseLevel> NoiseSchedule::steps(std::int64_t n, Spacing spacing, double from_relative_sigma,
                                             std::int64_t steps_offset) const {
  const std::string location = "noise schedule " + name();
  if (n < 1) throw usage_error(location, "expected at least one step, got {}", n);
  const double low = min_relative_sigma(), noisiest = max_relative_sigma();
  const double high = from_relative_sigma > 0 ? std::min(from_relative_sigma, noisiest) : noisiest;
  if (is_for_tables(spacing)) return table_steps(n, spacing, high, steps_offset);
  if (steps_offset != 0) throw usage_error(location, "steps_offset belongs to spacing leading; leave it out");
  if (n > 1 && !(high > low)) {
    throw usage_error(location, "expected a start above the cleanest relative sigma {:.4g}, got {:.4g}; start noisier",
                      low, high);
  }
  const double t_high = time_of(high), t_low = time_of(low);
  const double stride = n > 1 ? (t_high - t_low) / static_cast<double>(n - 1) : 0;
  const bool whole = std::holds_alternative<TabulatedSchedule>(kind_) && stride >= 1;
  const auto blend = [&](double u, double power) {  // from high (u = 1) to low (u = 0), linear in r^(1/power)
    return std::pow(std::lerp(std::pow(low, 1 / power), std::pow(high, 1 / power), u), power);
  };
  const auto level = [&](std::int64_t i) {
    const double u = 1 - static_cast<double>(i) / static_cast<double>(std::max<std::int64_t>(n - 1, 1));
    if (i == 0) return at(t_high);
    if (i == n - 1) return at(t_low);
    switch (spacing) {
      case Spacing::uniform_t: {
        const double t = t_low + stride * static_cast<double>(n - 1 - i);
        return at(whole ? std::nearbyint(t) : t);
      }
      case Spacing::quadratic_t:
        return at(std::lerp(t_low, t_high, u * u));
      case Spacing::uniform_log_snr:
        return at(time_of(std::exp(std::lerp(std::log(low), std::log(high), u))));
      case Spacing::karras:
        return at(time_of(blend(u, kKarrasRho)));
      default:
        break;
    }
    throw internal_error(location, "unnamed spacing {}", static_cast<int>(spacing));
  };
  std::vector<NoiseLevel> levels;
  for (std::int64_t i = 0; i < n; ++i) levels.push_back(level(i));
  return levels;
}

}  // namespace recon
