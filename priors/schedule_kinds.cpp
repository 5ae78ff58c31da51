#include "priors/schedule_kinds.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "priors/schedule_checks.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// The variance-preserving level of a relative sigma: alpha² + sigma² = 1.
NoiseLevel preserving_level(double r) {
  const double length = std::hypot(1.0, r);
  return {1 / length, r / length};
}

NoiseLevel preserving_level_of_log_alpha(double log_alpha) {
  return {std::exp(log_alpha), std::sqrt(-std::expm1(2 * log_alpha))};
}

/// alpha² + sigma² = 1 gives g² = -2 f.
SdeCoefficients preserving_sde(double g_squared) { return {-g_squared / 2, g_squared}; }

double table_relative_sigma(const TabulatedSchedule& table, std::size_t i) {
  return std::sqrt(1 - table.alpha_bar[i]) / std::sqrt(table.alpha_bar[i]);  // rounds as level_of does
}

NoiseLevel level_of(const TabulatedSchedule& table, double t) {
  if (t < 0) return preserving_level((t + 1) * table_relative_sigma(table, 0));
  const auto i = static_cast<std::size_t>(t);
  const double fraction = t - static_cast<double>(i);
  if (fraction == 0) return {std::sqrt(table.alpha_bar[i]), std::sqrt(1 - table.alpha_bar[i])};
  const double below = std::log(table_relative_sigma(table, i)), above = std::log(table_relative_sigma(table, i + 1));
  return preserving_level(std::exp(below + fraction * (above - below)));
}

double time_of(const TabulatedSchedule& table, double r) {
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

SdeCoefficients sde_of(const TabulatedSchedule& table, double t) {
  const NoiseLevel level = level_of(table, t);
  if (t < 0 || table.alpha_bar.size() == 1) {  // r = (t + 1) r_0
    const double cleanest = table_relative_sigma(table, 0);
    return preserving_sde(2 * (t + 1) * cleanest * cleanest * level.alpha * level.alpha);
  }
  const auto i = std::min(static_cast<std::size_t>(t), table.alpha_bar.size() - 2);
  const double rate = std::log(table_relative_sigma(table, i + 1) / table_relative_sigma(table, i));
  return preserving_sde(2 * level.sigma * level.sigma * rate);
}

NoiseLevel level_of(const VpContinuousSchedule& vp, double t) {
  return preserving_level_of_log_alpha(-t * t * (vp.beta_max - vp.beta_min) / 4 - t * vp.beta_min / 2);
}

/// Solves c = -2 log alpha = t² (b1-b0)/2 + t b0, in the form of the quadratic formula that does not cancel.
double time_of(const VpContinuousSchedule& vp, double r) {
  const double c = std::log1p(r * r), half = (vp.beta_max - vp.beta_min) / 2;
  return c == 0 ? 0 : 2 * c / (vp.beta_min + std::sqrt(vp.beta_min * vp.beta_min + 4 * half * c));
}

SdeCoefficients sde_of(const VpContinuousSchedule& vp, double t) {
  return preserving_sde(std::lerp(vp.beta_min, vp.beta_max, t));
}

/// With a = angle at 0 and b = angle at t: alpha = cos b / cos a, sigma² = sin(b - a) sin(b + a) / cos² a.
NoiseLevel level_of(const CosineContinuousSchedule& cosine, double t) {
  const double a = cosine.offset / (1 + cosine.offset) * kHalfPi;
  const double b = (t + cosine.offset) / (1 + cosine.offset) * kHalfPi;
  return {std::cos(b) / std::cos(a), std::sqrt(std::sin(b - a) * std::sin(b + a)) / std::cos(a)};
}

double time_of(const CosineContinuousSchedule& cosine, double r) {
  const double a = cosine.offset / (1 + cosine.offset) * kHalfPi;
  const double b = std::atan2(std::hypot(r, std::sin(a)), std::cos(a));
  return std::max(0.0, b / kHalfPi * (1 + cosine.offset) - cosine.offset);
}

SdeCoefficients sde_of(const CosineContinuousSchedule& cosine, double t) {
  const double rate = kHalfPi / (1 + cosine.offset);  // d b / dt
  return preserving_sde(2 * rate * std::tan((t + cosine.offset) * rate));
}

NoiseLevel level_of(const VeGeometricSchedule& ve, double t) {
  return {1, ve.sigma_min * std::pow(ve.sigma_max / ve.sigma_min, t)};
}

double time_of(const VeGeometricSchedule& ve, double r) {
  return std::log(r / ve.sigma_min) / std::log(ve.sigma_max / ve.sigma_min);
}

SdeCoefficients sde_of(const VeGeometricSchedule& ve, double t) {
  const double sigma = level_of(ve, t).sigma;
  return {0, 2 * sigma * sigma * std::log(ve.sigma_max / ve.sigma_min)};
}

NoiseLevel level_of(const EdmRhoSchedule& edm, double t) {
  const double low = std::pow(edm.sigma_min, 1 / edm.rho), high = std::pow(edm.sigma_max, 1 / edm.rho);
  return {1, std::pow(low + t * (high - low), edm.rho)};
}

double time_of(const EdmRhoSchedule& edm, double r) {
  const double low = std::pow(edm.sigma_min, 1 / edm.rho), high = std::pow(edm.sigma_max, 1 / edm.rho);
  return (std::pow(r, 1 / edm.rho) - low) / (high - low);
}

SdeCoefficients sde_of(const EdmRhoSchedule& edm, double t) {
  const double low = std::pow(edm.sigma_min, 1 / edm.rho), high = std::pow(edm.sigma_max, 1 / edm.rho);
  const double root = low + t * (high - low);
  return {0, 2 * edm.rho * (high - low) * std::pow(root, 2 * edm.rho - 1)};
}

NoiseLevel level_of(const FlowSchedule&, double t) { return {1 - t, t}; }

double time_of(const FlowSchedule&, double r) { return r / (1 + r); }

SdeCoefficients sde_of(const FlowSchedule&, double t) { return {-1 / (1 - t), 2 * t / (1 - t)}; }

}  // namespace

NoiseLevel level_at(const ScheduleKind& kind, double t) {
  return std::visit([&](const auto& schedule) { return level_of(schedule, t); }, kind);
}

double time_at(const ScheduleKind& kind, double relative_sigma) {
  return std::visit([&](const auto& schedule) { return time_of(schedule, relative_sigma); }, kind);
}

SdeCoefficients sde_at(const ScheduleKind& kind, double t) {
  return std::visit([&](const auto& schedule) { return sde_of(schedule, t); }, kind);
}

void check_parameters(const ScheduleKind& kind) {
  const auto ordered = [](double low, double high) { return low > 0 && low < high && std::isfinite(high); };
  std::visit(
      Overloaded{[](const TabulatedSchedule& table) {
                   const auto& a = table.alpha_bar;
                   check_schedule(!a.empty(), table.name, "at least one timestep");
                   check_schedule(a.front() < 1 && a.back() > 0, table.name,
                                  "alpha_bar between 0 and 1, both excluded");
                   for (std::size_t i = 1; i < a.size(); ++i) {
                     check_schedule(a[i] < a[i - 1], table.name, "alpha_bar strictly decreasing");
                   }
                 },
                 [&](const VpContinuousSchedule& vp) {
                   check_schedule(ordered(vp.beta_min, vp.beta_max), "vp_continuous", "0 < beta_min < beta_max");
                 },
                 [](const CosineContinuousSchedule& cosine) {
                   check_schedule(cosine.offset >= 0 && cosine.offset < 1, "cosine_continuous", "offset in [0, 1)");
                 },
                 [&](const VeGeometricSchedule& ve) {
                   check_schedule(ordered(ve.sigma_min, ve.sigma_max), "ve_geometric", "0 < sigma_min < sigma_max");
                 },
                 [&](const EdmRhoSchedule& edm) {
                   check_schedule(ordered(edm.sigma_min, edm.sigma_max), "edm_rho", "0 < sigma_min < sigma_max");
                   check_schedule(edm.rho > 0 && std::isfinite(edm.rho), "edm_rho", "rho > 0");
                 },
                 [](const FlowSchedule&) {}},
      kind);
}

}  // namespace recon
