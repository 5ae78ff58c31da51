#include "recon/solvers/posterior/posterior_langevin.h"

#include <gtest/gtest.h>

#include "operators/algebra.h"
#include "tests/solvers/posterior_judge.h"

namespace recon::test {
namespace {

PosteriorLangevin langevin(std::int64_t steps) {
  PosteriorLangevin solver;
  solver.steps = steps;
  return solver;
}

TEST(PosteriorLangevin, SamplesTheGaussianPosterior) {
  for (const std::string& task : closed_form_tasks()) {
    const Agreement a = judged(closed_form(task, {}), langevin(200), "langevin 200 x 3");
    EXPECT_LT(a.mean_ratio, 1.35 + 3 * kMeanRatioError) << task;
    EXPECT_NEAR(a.std_ratio, 1, 0.06 + 2 * kStdRatioError) << task;
  }
}

TEST(SlowPosteriorLangevin, ConvergesToTheGaussianPosterior) {
  for (const std::string& task : closed_form_tasks()) {
    const ClosedForm exact = closed_form(task, {});
    judged(exact, langevin(50), "langevin 50 x 3");
    const Agreement a = judged(exact, langevin(1600), "langevin 1600 x 3");
    EXPECT_LT(a.mean_ratio, 1 + 2 * kMeanRatioError) << task;
    EXPECT_NEAR(a.std_ratio, 1, 2 * kStdRatioError) << task;
  }
}

// Modes stop mixing at the level where they part, where the likelihood is still blurred: the smaller weight comes out
// too large, by some 0.04 of 0.25 in 200 steps, and less in more.
TEST(PosteriorLangevin, FindsBothModesOfAMixture) {
  const ModeShares shares = mode_shares(two_modes(400), langevin(200), "200");
  EXPECT_NEAR(shares.upper, two_modes(1).upper_weight, 0.04 + 3 * shares.standard_error);
  EXPECT_NEAR(shares.spread, 0.1, 0.01);
}

// They converge, but with the logarithm of the steps. At level r the clouds have the variance s² = 0.01 + r² around
// centers 2 apart: a barrier of E = 1/(2 s²) - ln 2, crossed at Kramers' rate of some exp(-E) sqrt(1/s² - 1) / (2 pi)
// per unit of time s², of which a step takes the share 0.4. Of 1600 levels over ln(10 / 0.01), three steps each, some
// 695 s² pass while E grows by one. Fewer than one crossing from s² = 0.146 on, where the likelihood's
// variance is 1 + 2 r² = 1.27: log odds of -1.0986 / 1.27, a weight of 0.297. At 200 levels the same gives 0.334.
TEST(SlowPosteriorLangevin, TheWeightsOfModesConvergeWithTheLogarithmOfTheSteps) {
  const ModeShares shares = mode_shares(two_modes(1600), langevin(1600), "1600");
  EXPECT_NEAR(shares.upper, 0.297, 4 * shares.standard_error);
}

// The step follows ||A||: ten times the operator with ten times the noise is the same problem.
TEST(PosteriorLangevin, KnowsTheScaleOfTheOperator) {
  const ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 4, .dtype = at::kDouble});
  Problem scaled_up = c.problem;
  scaled_up.op = scaled(c.op, 10);
  scaled_up.y = 10 * c.problem.y;
  for (double& std : scaled_up.noise_std) std *= 10;
  const at::Tensor x = langevin(50).solve(c.problem, c.prior.get(), {}).x;
  const at::Tensor same = langevin(50).solve(scaled_up, c.prior.get(), {}).x;
  // 150 steps of rounding on numbers of order 1.
  EXPECT_LT((x - same).abs().max().item<double>(), 150 * 100 * 0x1p-52);
}

}  // namespace
}  // namespace recon::test
