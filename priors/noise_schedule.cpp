#include "priors/noise_schedule.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr double kHalfPi = std::numbers::pi / 2;
/// Where stepping starts on processes that reach alpha = 0 at t = 1, and ends on those that reach sigma = 0 at t = 0.
constexpr double kOpenStart = 0.999, kOpenEnd = 1e-3;
constexpr double kKarrasRho = 7;

constexpr std::array<std::pair<Spacing, const char*>, 4> kSpacings{{{Spacing::uniform_t, "uniform_t"},
                                                                    {Spacing::quadratic_t, "quadratic_t"},
                                                                    {Spacing::uniform_log_snr, "uniform_log_snr"},
                                                                    {Spacing::karras, "karras"}}};

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

void check(bool ok, const std::string& schedule, const char* expected) {
  if (!ok) throw data_error("noise schedule " + schedule, "expected {}; correct the scheduler's parameters", expected);
}

/// The variance-preserving level of a relative sigma: alpha² + sigma² = 1.
NoiseLevel preserving_level(double r) {
  const double length = std::hypot(1.0, r);
  return {1 / length, r / length};
}

NoiseLevel preserving_level_of_log_alpha(double log_alpha) {
  return {std::exp(log_alpha), std::sqrt(-std::expm1(2 * log_alpha))};
}

double table_relative_sigma(const TabulatedSchedule& table, std::size_t i) {
  return std::sqrt(1 - table.alpha_bar[i]) / std::sqrt(table.alpha_bar[i]);  // rounds as level_at does
}

NoiseLevel level_at(const TabulatedSchedule& table, double t) {
  if (t < 0) return preserving_level((t + 1) * table_relative_sigma(table, 0));
  const auto i = static_cast<std::size_t>(t);
  const double fraction = t - static_cast<double>(i);
  if (fraction == 0) return {std::sqrt(table.alpha_bar[i]), std::sqrt(1 - table.alpha_bar[i])};
  const double below = std::log(table_relative_sigma(table, i)), above = std::log(table_relative_sigma(table, i + 1));
  return preserving_level(std::exp(below + fraction * (above - below)));
}

double time_at(const TabulatedSchedule& table, double r) {
  const double cleanest = table_relative_sigma(table, 0);
  if (r <= cleanest) return r / cleanest - 1;
  const double alpha_bar = 1 / (1 + r * r);
  const auto next = std::lower_bound(table.alpha_bar.begin() + 1, table.alpha_bar.end(), alpha_bar, std::greater<>());
  if (next == table.alpha_bar.end()) return static_cast<double>(table.alpha_bar.size() - 1);
  const auto i = static_cast<std::size_t>(next - table.alpha_bar.begin()) - 1;
  const double below = std::log(table_relative_sigma(table, i)), above = std::log(table_relative_sigma(table, i + 1));
  const double t = static_cast<double>(i) + (std::log(r) - below) / (above - below);
  // A level that was taken from an entry names that entry again, free of rounding: networks were trained at whole t.
  return std::abs(t - std::nearbyint(t)) < 1e-9 ? std::nearbyint(t) : t;
}

NoiseLevel level_at(const VpContinuousSchedule& vp, double t) {
  return preserving_level_of_log_alpha(-t * t * (vp.beta_max - vp.beta_min) / 4 - t * vp.beta_min / 2);
}

/// Solves c = -2 log alpha = t² (b1-b0)/2 + t b0, in the form of the quadratic formula that does not cancel.
double time_at(const VpContinuousSchedule& vp, double r) {
  const double c = std::log1p(r * r), half = (vp.beta_max - vp.beta_min) / 2;
  return c == 0 ? 0 : 2 * c / (vp.beta_min + std::sqrt(vp.beta_min * vp.beta_min + 4 * half * c));
}

/// With a = angle at 0 and b = angle at t: alpha = cos b / cos a, sigma² = sin(b - a) sin(b + a) / cos² a.
NoiseLevel level_at(const CosineContinuousSchedule& cosine, double t) {
  const double a = cosine.offset / (1 + cosine.offset) * kHalfPi;
  const double b = (t + cosine.offset) / (1 + cosine.offset) * kHalfPi;
  return {std::cos(b) / std::cos(a), std::sqrt(std::sin(b - a) * std::sin(b + a)) / std::cos(a)};
}

double time_at(const CosineContinuousSchedule& cosine, double r) {
  const double a = cosine.offset / (1 + cosine.offset) * kHalfPi;
  const double b = std::atan2(std::hypot(r, std::sin(a)), std::cos(a));
  return std::max(0.0, b / kHalfPi * (1 + cosine.offset) - cosine.offset);
}

NoiseLevel level_at(const VeGeometricSchedule& ve, double t) {
  return {1, ve.sigma_min * std::pow(ve.sigma_max / ve.sigma_min, t)};
}

double time_at(const VeGeometricSchedule& ve, double r) {
  return std::log(r / ve.sigma_min) / std::log(ve.sigma_max / ve.sigma_min);
}

NoiseLevel level_at(const EdmRhoSchedule& edm, double t) {
  const double low = std::pow(edm.sigma_min, 1 / edm.rho), high = std::pow(edm.sigma_max, 1 / edm.rho);
  return {1, std::pow(low + t * (high - low), edm.rho)};
}

double time_at(const EdmRhoSchedule& edm, double r) {
  const double low = std::pow(edm.sigma_min, 1 / edm.rho), high = std::pow(edm.sigma_max, 1 / edm.rho);
  return (std::pow(r, 1 / edm.rho) - low) / (high - low);
}

NoiseLevel level_at(const FlowSchedule&, double t) { return {1 - t, t}; }

double time_at(const FlowSchedule&, double r) { return r / (1 + r); }

void check_parameters(const NoiseSchedule::Kind& kind) {
  const auto ordered = [](double low, double high) { return low > 0 && low < high && std::isfinite(high); };
  std::visit(Overloaded{[](const TabulatedSchedule& table) {
                          const auto& a = table.alpha_bar;
                          check(!a.empty(), table.name, "at least one timestep");
                          check(a.front() < 1 && a.back() > 0, table.name, "alpha_bar between 0 and 1, both excluded");
                          for (std::size_t i = 1; i < a.size(); ++i) {
                            check(a[i] < a[i - 1], table.name, "alpha_bar strictly decreasing");
                          }
                        },
                        [&](const VpContinuousSchedule& vp) {
                          check(ordered(vp.beta_min, vp.beta_max), "vp_continuous", "0 < beta_min < beta_max");
                        },
                        [](const CosineContinuousSchedule& cosine) {
                          check(cosine.offset >= 0 && cosine.offset < 1, "cosine_continuous", "offset in [0, 1)");
                        },
                        [&](const VeGeometricSchedule& ve) {
                          check(ordered(ve.sigma_min, ve.sigma_max), "ve_geometric", "0 < sigma_min < sigma_max");
                        },
                        [&](const EdmRhoSchedule& edm) {
                          check(ordered(edm.sigma_min, edm.sigma_max), "edm_rho", "0 < sigma_min < sigma_max");
                          check(edm.rho > 0 && std::isfinite(edm.rho), "edm_rho", "rho > 0");
                        },
                        [](const FlowSchedule&) {}},
             kind);
}

std::vector<double> linear_betas(std::int64_t timesteps, double start, double end) {
  if (timesteps < 1) throw data_error("noise schedule", "expected at least one timestep, got {}", timesteps);
  std::vector<double> betas(static_cast<std::size_t>(timesteps), start);
  for (std::size_t i = 1; i < betas.size(); ++i) {
    betas[i] = std::lerp(start, end, static_cast<double>(i) / static_cast<double>(betas.size() - 1));
  }
  return betas;
}

}  // namespace

std::string to_string(Spacing spacing) {
  for (const auto& [value, text] : kSpacings) {
    if (value == spacing) return text;
  }
  throw internal_error("to_string", "unnamed spacing {}", static_cast<int>(spacing));
}

Spacing spacing_from(const std::string& text) {
  std::vector<std::string> known;
  for (const auto& [value, name] : kSpacings) {
    if (text == name) return value;
    known.emplace_back(name);
  }
  throw usage_error("spacing", "expected one of {}, got '{}'", fmt::join(known, ", "), text);
}

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
  constexpr double kOffset = 0.008, kLargestBeta = 0.999;
  const auto f = [&](std::size_t i) {
    const double t = static_cast<double>(i) / static_cast<double>(timesteps);
    return std::pow(std::cos((t + kOffset) / (1 + kOffset) * kHalfPi), 2);
  };
  std::vector<double> betas = linear_betas(timesteps, 0, 0);
  for (std::size_t i = 0; i < betas.size(); ++i) betas[i] = std::min(1 - f(i + 1) / f(i), kLargestBeta);
  return from_betas("vp_cosine", betas);
}

NoiseSchedule NoiseSchedule::from_betas(std::string name, const std::vector<double>& betas) {
  TabulatedSchedule table{std::move(name), {}};
  double product = 1;
  for (const double beta : betas) {
    check(beta > 0 && beta < 1, table.name, "every beta between 0 and 1, both excluded");
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
  return std::visit([&](const auto& schedule) { return level_at(schedule, t); }, kind_);
}

double NoiseSchedule::time_of(double relative_sigma) const {
  if (!(relative_sigma >= 0)) {
    throw internal_error("noise schedule " + name(), "expected a relative sigma >= 0, got {}", relative_sigma);
  }
  if (std::isinf(relative_sigma)) return max_time();
  const double t = std::visit([&](const auto& schedule) { return time_at(schedule, relative_sigma); }, kind_);
  return std::clamp(t, min_time(), max_time());
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

std::vector<NoiseLevel> NoiseSchedule::steps(std::int64_t n, Spacing spacing, double from_relative_sigma) const {
  const std::string place = "noise schedule " + name();
  if (n < 1) throw usage_error(place, "expected at least one step, got {}", n);
  const double low = min_relative_sigma(), noisiest = max_relative_sigma();
  const double high = from_relative_sigma > 0 ? std::min(from_relative_sigma, noisiest) : noisiest;
  if (n > 1 && !(high > low)) {
    throw usage_error(place, "expected a start above the cleanest relative sigma {:.4g}, got {:.4g}; start noisier",
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
    }
    throw internal_error(place, "unnamed spacing {}", static_cast<int>(spacing));
  };
  std::vector<NoiseLevel> levels;
  for (std::int64_t i = 0; i < n; ++i) levels.push_back(level(i));
  return levels;
}

}  // namespace recon
