#include "recon/solvers/posterior/pnp_dm.h"

#include <gtest/gtest.h>

#include "tests/solvers/posterior_judge.h"

namespace recon::test {
namespace {

PnpDm pnp_dm(std::int64_t steps, std::int64_t prior_steps) {
  PnpDm solver;
  solver.steps = steps;
  solver.prior_steps = prior_steps;
  return solver;
}

TEST(PnpDm, SamplesTheGaussianPosterior) {
  for (const std::string& task : closed_form_tasks()) {
    const Agreement a = judged(closed_form(task, {}), PnpDm(), "pnp_dm");
    EXPECT_LT(a.mean_ratio, 1.15 + 3 * kMeanRatioError) << task;
    EXPECT_NEAR(a.std_ratio, 1, 0.1 + 2 * kStdRatioError) << task;
  }
}

// The claim of the paper: as the rounds grow and the reverse diffusion is resolved, the law is the posterior.
TEST(SlowPnpDm, ConvergesToTheGaussianPosterior) {
  for (const std::string& task : closed_form_tasks()) {
    const ClosedForm exact = closed_form(task, {});
    judged(exact, pnp_dm(30, 4), "pnp_dm 30 x 4");
    const Agreement a = judged(exact, pnp_dm(480, 24), "pnp_dm 480 x 24");
    EXPECT_LT(a.mean_ratio, 1 + 2 * kMeanRatioError) << task;
    EXPECT_NEAR(a.std_ratio, 1, 2 * kStdRatioError) << task;
  }
}

// At a coupling that does not fall the law is the prior times the likelihood blurred by rho: wider than the posterior.
TEST(PnpDm, ACouplingThatStaysWideBlursTheLikelihood) {
  PnpDm wide = pnp_dm(60, 8);
  wide.end_relative_sigma = 0.2;  // four times the noise
  const Agreement a = judged(closed_form("inpaint", {}), wide, "pnp_dm, rho >= 0.2");
  EXPECT_GT(a.residual, 2);
}

// Modes stop mixing at the level where they part, where the likelihood is still blurred: the smaller weight comes out
// too large, by some 0.04 of 0.25 in 200 steps, and less in more.
TEST(PnpDm, FindsBothModesOfAMixture) {
  const ModeShares shares = mode_shares(two_modes(400), pnp_dm(200, 4), "200");
  EXPECT_NEAR(shares.upper, two_modes(1).upper_weight, 0.04 + 3 * shares.standard_error);
  EXPECT_NEAR(shares.spread, 0.1, 0.01);
}

TEST(SlowPnpDm, TheWeightsOfModesConverge) {
  const ModeShares shares = mode_shares(two_modes(1600), pnp_dm(1600, 4), "1600");
  EXPECT_NEAR(shares.upper, two_modes(1).upper_weight, 4 * shares.standard_error);
}

}  // namespace
}  // namespace recon::test
