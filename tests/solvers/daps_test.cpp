#include "recon/solvers/posterior/daps.h"

#include <gtest/gtest.h>

#include "tests/solvers/posterior_judge.h"

namespace recon::test {
namespace {

Daps daps(std::int64_t steps, std::int64_t ode_steps = 1) {
  Daps solver;
  solver.steps = steps;
  solver.ode_steps = ode_steps;
  return solver;
}

// At 100 levels the mean is off by up to a third of the sampling error of 16 samples (inpainting), see the table in the
// README; the bounds are that plus four standard errors.
TEST(Daps, SamplesTheGaussianPosteriorAtAHundredLevels) {
  for (const std::string& task : closed_form_tasks()) {
    const Agreement a = judged(closed_form(task, {}), daps(100), "daps 100");
    EXPECT_LT(a.mean_ratio, 1.35 + 3 * kMeanRatioError) << task;
    EXPECT_NEAR(a.std_ratio, 1, 0.09 + 2 * kStdRatioError) << task;
  }
}

// The header's warning: centers that carry a sample's spread already, as the paper has them, come out too wide.
TEST(Daps, TheEndOfTheOdeAsCenterWidensThePosterior) {
  const Agreement a = judged(closed_form("inpaint", {}), daps(100, 5), "daps 100 x 5");
  EXPECT_NEAR(a.std_ratio, 1.2, 4 * kStdRatioError);
}

TEST(SlowDaps, ConvergesToTheGaussianPosterior) {
  for (const std::string& task : closed_form_tasks()) {
    const ClosedForm exact = closed_form(task, {});
    judged(exact, daps(50), "daps 50");
    judged(exact, daps(400), "daps 400");
    const Agreement a = judged(exact, daps(1600), "daps 1600");
    EXPECT_LT(a.mean_ratio, 1 + 2 * kMeanRatioError) << task;
    EXPECT_NEAR(a.std_ratio, 1, 0.02 + 2 * kStdRatioError) << task;
  }
}

// The bias that does not fall: a variance that is the same in every direction does not carry what the data say about
// one pixel to the others, so each mode is found with about its prior weight, not its posterior one.
TEST(Daps, FindsBothModesOfAMixtureWithTheirPriorWeights) {
  const ModeShares shares = mode_shares(two_modes(400), daps(100), "daps 100");
  EXPECT_NEAR(shares.upper, 0.48, 4 * shares.standard_error);
  EXPECT_NEAR(shares.spread, 0.1, 0.01);
}

TEST(Daps, NeedsNoBackwardPassAndOneForwardPassPerLevel) {
  const ClosedForm c = closed_form("fourier", {.size = 16, .items = 1, .samples = 1});
  const Report report = daps(7).solve(c.problem, c.prior.get(), {});
  EXPECT_EQ(report.nfe_forward.front(), 7);
  EXPECT_EQ(report.nfe_backward.front(), 0);
}

}  // namespace
}  // namespace recon::test
