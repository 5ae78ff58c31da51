#include "priors/noise_schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>
#include <vector>

#include "priors/transition.h"
#include "recon/core/error.h"
#include "tests/priors/every_schedule.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

using test::every_schedule;

TEST(NoiseSchedule, TablesEqualDiffusers) {
  std::ifstream file(test::source_path("tests/golden/schedules/schedules.json"));
  const nlohmann::json golden = nlohmann::json::parse(file);
  ASSERT_EQ(golden.at("tables").size(), 5U);
  for (const auto& table : golden.at("tables")) {
    const std::string kind = table.at("schedule");
    const std::int64_t n = table.at("timesteps");
    const NoiseSchedule schedule =
        kind == "linear"          ? NoiseSchedule::vp_linear(n, table.at("beta_start"), table.at("beta_end"))
        : kind == "scaled_linear" ? NoiseSchedule::vp_scaled_linear(n, table.at("beta_start"), table.at("beta_end"))
                                  : NoiseSchedule::vp_cosine(n);
    // A product of n rounded factors, whose betas near the cosine's zero lose another sum 1/(1-t) ~ n ln n roundings;
    // the same in single precision, where 1 - 0.999 alone loses three digits.
    const double steps = static_cast<double>(n), rounding = 2 * steps * (1 + std::log(steps));
    for (std::size_t i = 0; i < table.at("t").size(); ++i) {
      const double alpha_bar = schedule.at(table["t"][i]).alpha_bar();
      const double exact = table["float64"][i], single = table["diffusers"][i];
      EXPECT_NEAR(alpha_bar, exact, exact * rounding * kEpsilon) << kind << " t " << table["t"][i];
      EXPECT_NEAR(alpha_bar, single, single * (steps + 1000) * 0x1p-24) << kind << " t " << table["t"][i];
    }
  }
}

TEST(NoiseSchedule, ClosedFormsHoldTheirDefinitions) {
  const double b0 = 0.1, b1 = 20, s = 0.008, pi = std::numbers::pi;
  for (const double t : {0.01, 0.2, 0.5, 0.9}) {
    const NoiseLevel vp = NoiseSchedule(VpContinuousSchedule{}).at(t);
    EXPECT_NEAR(std::log(vp.alpha), -t * t * (b1 - b0) / 4 - t * b0 / 2, 20 * kEpsilon);
    EXPECT_NEAR(vp.alpha * vp.alpha + vp.sigma * vp.sigma, 1, 4 * kEpsilon);
    const NoiseLevel cosine = NoiseSchedule(CosineContinuousSchedule{}).at(t);
    EXPECT_NEAR(cosine.alpha, std::cos((t + s) / (1 + s) * pi / 2) / std::cos(s / (1 + s) * pi / 2), 4 * kEpsilon);
    EXPECT_NEAR(cosine.alpha * cosine.alpha + cosine.sigma * cosine.sigma, 1, 4 * kEpsilon);
    const NoiseLevel ve = NoiseSchedule(VeGeometricSchedule{}).at(t);
    EXPECT_EQ(ve.alpha, 1);
    EXPECT_NEAR(ve.sigma, 0.01 * std::pow(5000, t), 50 * kEpsilon * 10);
    const NoiseLevel flow = NoiseSchedule(FlowSchedule{}).at(t);
    EXPECT_EQ(flow.alpha, 1 - t);
    EXPECT_EQ(flow.sigma, t);
  }
  // Karras et al. 2022, eq. 5 with N = 5: index i stands at t = 1 - i/4.
  for (int i = 0; i < 5; ++i) {
    const double a = std::pow(80, 1 / 7.0), b = std::pow(0.002, 1 / 7.0);
    const double sigma = std::pow(a + i / 4.0 * (b - a), 7);
    EXPECT_NEAR(NoiseSchedule(EdmRhoSchedule{}).at(1 - i / 4.0).sigma, sigma, 100 * kEpsilon * sigma);
  }
}

// Song et al. 2021: the VP-SDE is the limit of DDPM with beta_i = beta(i/T)/T; the discretisation error falls like 1/T.
TEST(NoiseSchedule, TheVpSdeIsTheLimitOfDdpm) {
  const NoiseSchedule limit(VpContinuousSchedule{});
  const auto error = [&](std::int64_t steps) {
    const double n = static_cast<double>(steps);
    const NoiseSchedule ddpm = NoiseSchedule::vp_linear(steps, 0.1 / n, 20 / n);
    double largest = 0;
    for (const double t : {0.1, 0.3, 0.5, 0.8}) {
      largest = std::max(largest, std::abs(ddpm.at(t * n - 1).alpha_bar() - limit.at(t).alpha_bar()));
    }
    return largest;
  };
  EXPECT_LT(error(1000), 20.0 / 1000);  // first order: beta_max / T bounds one step's change
  EXPECT_NEAR(error(1000) / error(4000), 4, 0.2);
}

// The cosine table telescopes to the continuous process at (i + 1)/T until the clipped last beta.
TEST(NoiseSchedule, TheCosineTableIsTheContinuousCosineSampled) {
  const NoiseSchedule table = NoiseSchedule::vp_cosine(1000), continuous(CosineContinuousSchedule{});
  for (const int i : {0, 10, 500, 900}) {
    const double exact = continuous.at((i + 1) / 1000.0).alpha_bar();
    EXPECT_NEAR(table.at(i).alpha_bar(), exact, exact * 1000 * 10 * kEpsilon) << i;
  }
}

TEST(NoiseSchedule, TimeOfInvertsAt) {
  for (const NoiseSchedule& schedule : every_schedule()) {
    const double low = schedule.min_time(), high = schedule.time_of(schedule.max_relative_sigma());
    double previous = -1;
    for (int i = 0; i <= 200; ++i) {
      const double t = low + (high - low) * i / 200;
      const double r = schedule.at(t).relative_sigma();
      // The clean end, where r ~ sqrt(t), and rounding of r there limit the inverse.
      EXPECT_NEAR(schedule.time_of(r), t, 1e-9 * std::max(1.0, high)) << schedule.name();
      EXPECT_GT(r, previous) << schedule.name() << " is not monotone at t = " << t;
      previous = r;
    }
    EXPECT_EQ(schedule.time_of(0), schedule.min_time());
    EXPECT_EQ(schedule.time_of(std::numeric_limits<double>::infinity()), schedule.max_time());
    EXPECT_THROW(schedule.at(schedule.max_time() + 1e-3), Error);
    EXPECT_THROW(schedule.at(schedule.min_time() - 1e-3), Error);
    EXPECT_THROW(schedule.time_of(std::nan("")), Error);
  }
}

TEST(NoiseSchedule, TablesInterpolateTheLogarithmOfTheRelativeSigma) {
  const NoiseSchedule schedule = NoiseSchedule::vp_linear();
  const double below = schedule.at(400).relative_sigma(), above = schedule.at(401).relative_sigma();
  EXPECT_NEAR(schedule.at(400.25).relative_sigma(), std::pow(below, 0.75) * std::pow(above, 0.25),
              10 * kEpsilon * above);
  EXPECT_EQ(schedule.at(-1).sigma, 0);
  EXPECT_EQ(schedule.at(-1).alpha, 1);
  EXPECT_NEAR(schedule.at(-0.75).relative_sigma(), 0.25 * schedule.at(0).relative_sigma(), kEpsilon);
}

TEST(NoiseSchedule, StepsKeepBothEndsAndFall) {
  for (const NoiseSchedule& schedule : every_schedule()) {
    for (const Spacing spacing :
         {Spacing::uniform_t, Spacing::quadratic_t, Spacing::uniform_log_snr, Spacing::karras}) {
      for (const std::int64_t n : {1, 2, 5, 60}) {
        const auto levels = schedule.steps(n, spacing);
        const std::string where = schedule.name() + " " + to_string(spacing);
        ASSERT_EQ(levels.size(), static_cast<std::size_t>(n)) << where;
        EXPECT_NEAR(levels.front().relative_sigma() / schedule.max_relative_sigma(), 1, 1e-9) << where;
        if (n > 1) {
          EXPECT_NEAR(levels.back().relative_sigma() / schedule.min_relative_sigma(), 1, 1e-9) << where;
        }
        for (std::size_t i = 1; i < levels.size(); ++i) {
          EXPECT_LT(levels[i].relative_sigma(), levels[i - 1].relative_sigma()) << where << " step " << i;
        }
      }
      const auto later = schedule.steps(10, spacing, 0.5);
      EXPECT_NEAR(later.front().relative_sigma(), 0.5, 1e-9) << schedule.name() << " " << to_string(spacing);
    }
    EXPECT_THROW(schedule.steps(0, Spacing::uniform_t), Error);
    EXPECT_THROW(schedule.steps(5, Spacing::uniform_t, schedule.min_relative_sigma() / 2), Error);
  }
}

// guided-diffusion's respacing: whole timesteps, T-1 and 0 among them (diffusers' "leading" starts at 990 of 1000).
TEST(NoiseSchedule, EqualStepsOfATableAreWholeTimesteps) {
  const NoiseSchedule schedule = NoiseSchedule::vp_linear();
  const auto hundred = schedule.steps(100, Spacing::uniform_t);
  for (std::size_t i = 0; i < hundred.size(); ++i) {
    const double t = schedule.time_of(hundred[i].relative_sigma());
    EXPECT_EQ(t, std::nearbyint(999.0 * static_cast<double>(99 - i) / 99));
  }
  const auto all = schedule.steps(1000, Spacing::uniform_t);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].alpha_bar(), schedule.at(999 - static_cast<double>(i)).alpha_bar());
  }
}

TEST(NoiseSchedule, SpacingsArePlacedAsNamed) {
  const NoiseSchedule ve(VeGeometricSchedule{}), table = NoiseSchedule::vp_linear();
  const auto log_steps = table.steps(31, Spacing::uniform_log_snr);
  for (std::size_t i = 2; i < log_steps.size(); ++i) {
    const double left = log_steps[i - 1].snr() / log_steps[i - 2].snr(),
                 right = log_steps[i].snr() / log_steps[i - 1].snr();
    EXPECT_NEAR(left / right, 1, 1e-9);
  }
  const auto karras = ve.steps(5, Spacing::karras);
  const double a = std::pow(50, 1 / 7.0), b = std::pow(0.01, 1 / 7.0);
  for (std::size_t i = 0; i < 5; ++i) {
    const double expected = std::pow(a + static_cast<double>(i) / 4 * (b - a), 7);
    EXPECT_NEAR(karras[i].sigma / expected, 1, 1e-9);
  }
  const auto quadratic = ve.steps(5, Spacing::quadratic_t);
  for (std::size_t i = 0; i < 5; ++i) {
    const double u = 1 - static_cast<double>(i) / 4;
    EXPECT_NEAR(ve.time_of(quadratic[i].sigma), u * u, 1e-9);
  }
  const std::vector<std::string> names{"uniform_t", "quadratic_t", "uniform_log_snr", "karras",
                                       "leading",   "trailing",    "linspace"};
  EXPECT_EQ(all_words<Spacing>(), names);
  for (const auto& name : names) EXPECT_EQ(to_string(from_word<Spacing>(name, "test")), name);
  EXPECT_THROW(from_word<Spacing>("even", "test"), Error);
}

/// The text of the usage error that `call` throws.
std::string usage(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind() == ErrorKind::usage ? error.what() : "another kind";
  }
  return "nothing";
}

TEST(NoiseSchedule, SpacingsOfTablesNeedATable) {
  for (const NoiseSchedule& schedule : every_schedule()) {
    const bool table = schedule.min_time() < 0;
    for (const Spacing spacing : {Spacing::leading, Spacing::trailing, Spacing::linspace}) {
      const std::string said = usage([&] { schedule.steps(1, spacing); });
      EXPECT_EQ(said == "nothing", table) << schedule.name() << ": " << said;
      EXPECT_TRUE(table || said.find("timesteps of a table") != std::string::npos) << said;
    }
  }
  const NoiseSchedule table = NoiseSchedule::vp_linear(10);
  EXPECT_NE(usage([&] { table.steps(11, Spacing::trailing); }).find("1..10 steps"), std::string::npos);
  EXPECT_NE(usage([&] { table.steps(10, Spacing::leading, 0, 1); }).find("steps_offset"), std::string::npos);
  EXPECT_NE(usage([&] { table.steps(2, Spacing::leading, 0, -1); }).find("steps_offset"), std::string::npos);
  EXPECT_NE(usage([&] { table.steps(2, Spacing::trailing, 0, 1); }).find("leading"), std::string::npos);
  EXPECT_NE(usage([&] { table.steps(2, Spacing::karras, 0, 1); }).find("leading"), std::string::npos);
  EXPECT_NE(usage([&] { table.steps(1, Spacing::leading, 1e-3); }).find("cleanest"), std::string::npos);
}

// A later start cuts the table: the same list as that of a table of so many timesteps.
TEST(NoiseSchedule, SpacingsOfTablesCountTheTimestepsBelowTheStart) {
  const NoiseSchedule table = NoiseSchedule::vp_linear();
  const auto times = [&](Spacing spacing, double start) {
    std::vector<double> found;
    for (const NoiseLevel& level : table.steps(4, spacing, start))
      found.push_back(table.time_of(level.relative_sigma()));
    return found;
  };
  const double at_399 = table.at(399).relative_sigma(), between = table.at(399.5).relative_sigma();
  for (const double start : {at_399, between}) {
    EXPECT_EQ(times(Spacing::leading, start), (std::vector<double>{300, 200, 100, 0}));
    EXPECT_EQ(times(Spacing::trailing, start), (std::vector<double>{399, 299, 199, 99}));
    EXPECT_EQ(times(Spacing::linspace, start), (std::vector<double>{399, 266, 133, 0}));
  }
}

// One and two steps of everything on everything, and the levels of both ends: numbers, and falling.
TEST(NoiseSchedule, FewStepsAreNumbers) {
  for (const NoiseSchedule& schedule : every_schedule()) {
    for (const auto& kind : spacing_kinds()) {
      if (is_for_tables(kind.value) && schedule.min_time() == 0) continue;
      for (const std::int64_t n : {1, 2, 3}) {
        const auto levels = schedule.steps(n, kind.value);
        ASSERT_EQ(levels.size(), static_cast<std::size_t>(n));
        for (std::size_t i = 0; i < levels.size(); ++i) {
          EXPECT_TRUE(levels[i].alpha > 0 && levels[i].sigma > 0 && std::isfinite(levels[i].relative_sigma()))
              << schedule.name() << " " << to_string(kind.value) << " " << n << " steps";
          EXPECT_TRUE(i == 0 || levels[i].relative_sigma() < levels[i - 1].relative_sigma()) << schedule.name();
        }
      }
    }
    for (const double t : {schedule.min_time(), schedule.max_time()}) {
      const NoiseLevel level = schedule.at(t);
      EXPECT_TRUE(level.alpha >= 0 && level.sigma >= 0 && std::isfinite(level.alpha) && std::isfinite(level.sigma));
    }
    EXPECT_EQ(schedule.time_of(0), schedule.min_time());
  }
}

TEST(NoiseSchedule, RefusesParametersOutOfRange) {
  const auto refused = [](auto make) {
    try {
      make();
      return false;
    } catch (const Error& error) {
      return error.kind() == ErrorKind::data && std::string(error.what()).find("expected") != std::string::npos;
    }
  };
  EXPECT_TRUE(refused([] { NoiseSchedule::vp_linear(0); }));
  EXPECT_TRUE(refused([] { NoiseSchedule::vp_linear(10, 0, 0.1); }));
  EXPECT_TRUE(refused([] { NoiseSchedule::vp_linear(10, 0.1, 1.0); }));
  EXPECT_TRUE(refused([] { NoiseSchedule::from_betas("b", {}); }));
  EXPECT_TRUE(refused([] { NoiseSchedule::from_betas("b", {0.1, std::nan("")}); }));
  EXPECT_TRUE(refused([] { NoiseSchedule(TabulatedSchedule{"t", {0.9, 0.9}}); }));
  EXPECT_TRUE(refused([] { NoiseSchedule(TabulatedSchedule{"t", {0.9, 0.0}}); }));
  EXPECT_TRUE(refused([] { NoiseSchedule(TabulatedSchedule{"t", {1.0, 0.5}}); }));
  EXPECT_TRUE(refused([] { NoiseSchedule(VpContinuousSchedule{20, 0.1}); }));
  EXPECT_TRUE(refused([] { NoiseSchedule(CosineContinuousSchedule{-0.1}); }));
  EXPECT_TRUE(refused([] { NoiseSchedule(VeGeometricSchedule{0, 50}); }));
  EXPECT_TRUE(refused([] { NoiseSchedule(EdmRhoSchedule{0.002, 80, 0}); }));
}

// Bayes: q(x_s | x_t, x_0) ~ q(x_t | x_s) q(x_s | x_0), two Gaussians in x_s, whose precisions add.
void expect_bayes(const Transition& step, const NoiseLevel& t, const NoiseLevel& s, const std::string& where) {
  const double forward = t.alpha / s.alpha;  // q(x_t | x_s) = N(forward x_s, added)
  const double added = t.sigma * t.sigma - forward * forward * s.sigma * s.sigma;
  const double precision = forward * forward / added + 1 / (s.sigma * s.sigma);
  // Differences of nearly equal variances between neighbouring levels: relative condition sigma_t² / added.
  const double tolerance = 20 * kEpsilon * (1 + t.sigma * t.sigma / added);
  EXPECT_NEAR(step.noise_std * step.noise_std * precision, 1, tolerance) << where;
  EXPECT_NEAR(step.xt_weight * precision * added / forward, 1, tolerance) << where;
  EXPECT_NEAR(step.x0_weight * precision * s.sigma * s.sigma / s.alpha, 1, tolerance * s.alpha / step.x0_weight)
      << where;
}

TEST(Transition, IsTheDdpmPosteriorByBayesAtEtaOne) {
  for (const NoiseSchedule& schedule : every_schedule()) {
    for (const std::int64_t n : {3, 50}) {
      const auto levels = schedule.steps(n, Spacing::uniform_log_snr);
      for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
        expect_bayes(reverse_transition(levels[i], levels[i + 1]), levels[i], levels[i + 1], schedule.name());
      }
    }
  }
  // Ho et al. 2020, eq. 7, written out for neighbouring timesteps.
  const NoiseSchedule schedule = NoiseSchedule::vp_linear();
  const double t_bar = schedule.at(500).alpha_bar(), s_bar = schedule.at(499).alpha_bar(), beta = 1 - t_bar / s_bar;
  const Transition step = reverse_transition(schedule.at(500), schedule.at(499));
  const double tolerance = 20 * kEpsilon / beta;  // beta is a difference of nearly equal numbers
  EXPECT_NEAR(step.noise_std * step.noise_std, (1 - s_bar) / (1 - t_bar) * beta, tolerance);
  EXPECT_NEAR(step.x0_weight, std::sqrt(s_bar) * beta / (1 - t_bar), tolerance);
  EXPECT_NEAR(step.xt_weight, std::sqrt(1 - beta) * (1 - s_bar) / (1 - t_bar), tolerance);
}

TEST(Transition, EveryEtaKeepsTheMarginal) {
  for (const NoiseSchedule& schedule : every_schedule()) {
    const auto levels = schedule.steps(4, Spacing::uniform_log_snr);
    for (const double eta : {0.0, 0.3, 1.0}) {
      const Transition step = reverse_transition(levels[1], levels[2], eta);
      const double mean = step.x0_weight + step.xt_weight * levels[1].alpha;
      const double variance = std::pow(step.xt_weight * levels[1].sigma, 2) + step.noise_std * step.noise_std;
      EXPECT_NEAR(mean, levels[2].alpha, 10 * kEpsilon);
      EXPECT_NEAR(variance, std::pow(levels[2].sigma, 2), 10 * kEpsilon * std::pow(levels[2].sigma, 2));
    }
    EXPECT_EQ(reverse_transition(levels[1], levels[2], 0).noise_std, 0);
    EXPECT_EQ(reverse_transition(levels[1], {1, 0}).x0_weight, 1);  // the last step lands on x_0
    EXPECT_THROW(reverse_transition(levels[2], levels[1]), Error);
    EXPECT_THROW(reverse_transition(levels[1], levels[2], 1.5), Error);
  }
  EXPECT_EQ(reverse_transition({0, 1}, {0.5, 0.5}).xt_weight, 0);  // pure noise says nothing about x_s
}

}  // namespace
}  // namespace recon
