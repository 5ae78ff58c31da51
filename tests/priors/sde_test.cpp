// The continuous processes: dx = f x dt + g dw and its probability-flow ODE, against closed forms, difference
// quotients, the moments that the Fokker-Planck equation prescribes, and DDPM's discrete chain.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "priors/noise_schedule.h"
#include "recon/core/error.h"
#include "tests/priors/every_schedule.h"

namespace recon {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

/// Times inside a schedule, away from its ends and, for tables, from their entries.
std::vector<double> inner_times(const NoiseSchedule& schedule) {
  const double low = schedule.min_time(), high = schedule.time_of(schedule.max_relative_sigma());
  std::vector<double> times;
  for (const double u : {0.02, 0.1, 0.37, 0.5, 0.81, 0.97}) {
    const double t = low + u * (high - low);
    times.push_back(low < 0 ? std::floor(t) + 0.4 : t);
  }
  if (low < 0) times.push_back(-0.3);
  return times;
}

TEST(Sde, ClosedForms) {
  const double pi = std::numbers::pi;
  for (const double t : {0.0, 0.01, 0.3, 0.5, 0.99}) {
    const SdeCoefficients vp = NoiseSchedule(VpContinuousSchedule{}).sde(t);
    const double beta = 0.1 + t * 19.9;  // Song et al. 2021, eq. 32
    EXPECT_NEAR(vp.f, -beta / 2, 40 * kEpsilon);
    EXPECT_NEAR(vp.g_squared, beta, 40 * kEpsilon);
    const SdeCoefficients ve = NoiseSchedule(VeGeometricSchedule{}).sde(t);
    const double sigma = 0.01 * std::pow(5000, t);  // Song et al. 2021, eq. 30
    EXPECT_EQ(ve.f, 0);
    EXPECT_NEAR(ve.g_squared / (sigma * sigma * 2 * std::log(5000)), 1, 100 * kEpsilon);
    const SdeCoefficients flow = NoiseSchedule(FlowSchedule{}).sde(t);
    EXPECT_NEAR(flow.f, -1 / (1 - t), 4 * kEpsilon / (1 - t));
    EXPECT_NEAR(flow.g_squared, 2 * t / (1 - t), 4 * kEpsilon / (1 - t));
    const SdeCoefficients edm = NoiseSchedule(EdmRhoSchedule{}).sde(t);
    const double a = std::pow(0.002, 1 / 7.0), b = std::pow(80, 1 / 7.0), s = a + t * (b - a);
    EXPECT_EQ(edm.f, 0);  // d sigma²/dt of s^14
    EXPECT_NEAR(edm.g_squared / (14 * (b - a) * std::pow(s, 13)), 1, 100 * kEpsilon);
    const SdeCoefficients cosine = NoiseSchedule(CosineContinuousSchedule{}).sde(t);
    const double slope = pi / 2 / 1.008;
    EXPECT_NEAR(cosine.f / (-slope * std::tan(slope * (t + 0.008))), 1, 100 * kEpsilon / (1 - t));
    EXPECT_NEAR(cosine.g_squared / (2 * slope * std::tan(slope * (t + 0.008))), 1, 100 * kEpsilon / (1 - t));
  }
}

TEST(Sde, IsTheDerivativeOfTheLevels) {
  for (const NoiseSchedule& schedule : test::every_schedule()) {
    for (const double t : inner_times(schedule)) {
      const double scale = schedule.min_time() < 0 ? 1 : std::min(t, 1 - t), h = 1e-4 * scale;
      const auto slope = [&](auto f) { return (f(schedule.at(t + h)) - f(schedule.at(t - h))) / (2 * h); };
      const double alpha_rate = slope([](const NoiseLevel& l) { return std::log(l.alpha); });
      const double variance_rate = slope([](const NoiseLevel& l) { return l.sigma * l.sigma; });
      const auto [f, g_squared] = schedule.sde(t);
      const double sigma = schedule.at(t).sigma;
      // Truncation (h/scale)² = 1e-8 times rates of up to 17 in log sigma, rounding epsilon / h of numbers of order 1.
      const double tolerance = 300 * 1e-8 * std::abs(f) + 20 * kEpsilon / h;
      EXPECT_NEAR(f, alpha_rate, tolerance) << schedule.name() << " t " << t;
      const double variance_scale = std::max(1.0, sigma * sigma);
      EXPECT_NEAR(g_squared, variance_rate - 2 * f * sigma * sigma,
                  300 * 1e-8 * g_squared + 2 * variance_scale * tolerance)
          << schedule.name() << " t " << t;
    }
  }
}

// dE[x]/dt = f E[x] and dVar[x]/dt = 2 f Var[x] + g² (Fokker-Planck) carry N(2, 0.25) from level to level.
TEST(Sde, CarriesTheMomentsOfAGaussian) {
  for (const NoiseSchedule& schedule : test::every_schedule()) {
    const double from = schedule.min_time() < 0 ? -0.9 : 0.05, to = schedule.max_time() * (from < 0 ? 1 : 0.9);
    const int steps = 400 * static_cast<int>(std::ceil(to - from) + 1);
    const double h = (to - from) / steps;
    const NoiseLevel start = schedule.at(from), end = schedule.at(to);
    double mean = 2 * start.alpha, variance = 0.25 * start.alpha * start.alpha + start.sigma * start.sigma;
    for (int i = 0; i < steps; ++i) {  // midpoint rule: only times inside the steps of a table
      const double t = from + i * h;
      const auto [f0, g0] = schedule.sde(t);
      const auto [f, g_squared] = schedule.sde(t + h / 2);
      const double half_mean = mean + h / 2 * f0 * mean, half_variance = variance + h / 2 * (2 * f0 * variance + g0);
      mean += h * f * half_mean;
      variance += h * (2 * f * half_variance + g_squared);
    }
    // Second order: (rate h)² per unit of log, rates up to 2 * 17 (VE), 40 (VP), 20 (flow at 0.9); a table's steps
    // straddle its entries, where the rate jumps by a fraction of itself: first order in 1/400 of that.
    EXPECT_NEAR(mean / (2 * end.alpha), 1, 4e-3) << schedule.name();
    EXPECT_NEAR(variance / (0.25 * end.alpha * end.alpha + end.sigma * end.sigma), 1, 4e-3) << schedule.name();
  }
}

// Over one timestep a table's SDE loses exactly DDPM's signal: the integral of g² is -log(1 - beta).
TEST(Sde, OneTimestepOfATableIsOneStepOfDdpm) {
  const std::vector<double> betas{0.3, 0.1, 0.2, 0.05};
  const NoiseSchedule schedule = NoiseSchedule::from_betas("tabulated", betas);
  for (std::size_t i = 1; i < betas.size(); ++i) {
    double integral = 0;
    constexpr int kPoints = 1000;
    for (int k = 0; k < kPoints; ++k) {
      integral += schedule.sde(static_cast<double>(i) - 1 + (k + 0.5) / kPoints).g_squared / kPoints;
    }
    EXPECT_NEAR(integral, -std::log1p(-betas[i]), 1e-6);  // midpoint rule with 1000 points: second order
  }
  EXPECT_EQ(schedule.sde(-1).g_squared, 0);
  // The last entry takes the side it has.
  EXPECT_NEAR(schedule.sde(3).g_squared, schedule.sde(3 - 1e-9).g_squared, 1e-8);
  const NoiseSchedule one = NoiseSchedule::from_betas("tabulated", {0.2});
  EXPECT_NEAR(one.sde(0).g_squared, one.sde(-1e-9).g_squared, 1e-8);
}

// Seed 002: with beta_i = beta(i/T)/T, x_i = sqrt(1 - beta_i) x_{i-1} + sqrt(beta_i) eps is dx = -beta/2 x dt +
// sqrt(beta) dw up to O(1/T): T g²(table) -> g²(continuous), and one chain step is one Euler step up to O(1/T²).
TEST(Sde, TheVpSdeIsTheLimitOfDdpm) {
  const NoiseSchedule limit(VpContinuousSchedule{});
  const auto errors = [&](std::int64_t steps) {
    const double n = static_cast<double>(steps);
    const NoiseSchedule ddpm = NoiseSchedule::vp_linear(steps, 0.1 / n, 20 / n);
    double rate = 0, step = 0;
    for (const double t : {0.1, 0.3, 0.5, 0.8}) {
      rate = std::max(rate, std::abs(n * ddpm.sde(t * n - 1).g_squared - limit.sde(t).g_squared));
      const double beta = limit.sde(t).g_squared / n;
      step = std::max(step, std::abs(std::sqrt(1 - beta) - (1 + limit.sde(t).f / n)));
    }
    return std::pair(rate, step);
  };
  const auto [rate, step] = errors(1000);
  const auto [finer_rate, finer_step] = errors(4000);
  EXPECT_LT(rate, 20.0 * 20 / 1000);
  EXPECT_NEAR(rate / finer_rate, 4, 0.2);
  EXPECT_NEAR(step / finer_step, 16, 0.2);
}

// f x - g²/2 score with the score of N(0, 0.49), and the growth of that Gaussian's width along the flow.
TEST(ProbabilityFlow, MovesAGaussianWithItsWidth) {
  const double s = 0.7;
  for (const NoiseSchedule& schedule : test::every_schedule()) {
    const auto variance = [&](double t) {
      const NoiseLevel level = schedule.at(t);
      return level.alpha * level.alpha * s * s + level.sigma * level.sigma;
    };
    for (const double t : inner_times(schedule)) {
      const auto [alpha, sigma] = schedule.at(t);
      const auto [f, g_squared] = schedule.sde(t);
      const ProbabilityFlow flow = schedule.probability_flow(t);
      const double x = 1.3, score = -x / variance(t), denoised = alpha * s * s * x / variance(t);
      const double drift = flow.xt_weight * x + flow.x0_weight * denoised;
      // Two terms of size g²/(2 sigma²) cancel in it.
      const double cancellation = 20 * kEpsilon * (std::abs(f) + g_squared / (sigma * sigma));
      EXPECT_NEAR(drift, f * x - g_squared / 2 * score, cancellation) << schedule.name() << " t " << t;
      const double scale = schedule.min_time() < 0 ? 1 : std::min(t, 1 - t), h = 1e-4 * scale;
      const double growth = (std::log(variance(t + h)) - std::log(variance(t - h))) / (4 * h);
      EXPECT_NEAR(drift / x, growth, 300 * 1e-8 * std::abs(f - g_squared / variance(t)) + 20 * kEpsilon / h)
          << schedule.name() << " t " << t;
    }
  }
  // The rectified flow's drift is eps - x_0 with both estimated: (x_t - D) / t.
  const ProbabilityFlow flow = NoiseSchedule(FlowSchedule{}).probability_flow(0.25);
  EXPECT_NEAR(flow.xt_weight, 4, 40 * kEpsilon);
  EXPECT_NEAR(flow.x0_weight, -4, 40 * kEpsilon);
}

TEST(Sde, BothEndsAreNumbersOrRefused) {
  for (const NoiseSchedule& schedule : test::every_schedule()) {
    const bool flow = schedule.name() == "flow";
    for (const double t : {schedule.min_time(), schedule.max_time()}) {
      const std::string where = schedule.name() + " t " + std::to_string(t);
      EXPECT_FALSE(std::isnan(schedule.at(t).alpha) || std::isnan(schedule.at(t).sigma)) << where;
      if (flow && t == 1) {
        EXPECT_THROW(schedule.sde(t), Error);
        EXPECT_THROW(schedule.probability_flow(t), Error);
        continue;
      }
      const SdeCoefficients sde = schedule.sde(t);
      EXPECT_TRUE(std::isfinite(sde.f) && std::isfinite(sde.g_squared) && sde.g_squared >= 0) << where;
      if (schedule.at(t).sigma == 0) {
        EXPECT_THROW(schedule.probability_flow(t), Error) << where;
      } else {
        EXPECT_TRUE(std::isfinite(schedule.probability_flow(t).xt_weight)) << where;
      }
    }
    EXPECT_THROW(schedule.sde(schedule.max_time() + 1e-3), Error);
    EXPECT_THROW(schedule.sde(schedule.min_time() - 1e-3), Error);
  }
}

}  // namespace
}  // namespace recon
