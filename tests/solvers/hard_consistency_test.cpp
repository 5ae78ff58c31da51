#include "recon/solvers/posterior/hard_consistency.h"

#include <gtest/gtest.h>

#include "tests/solvers/posterior_judge.h"
#include "tests/support/build_operator.h"

namespace recon::test {
namespace {

// The data step ends on the budget: chi² is the median over m that noise alone has, or less where the denoised image
// meets it by itself. At 64 data (sr) that is 0.9896 (a residual of 0.9948), else 1 to 1e-3.
// The bias is that of DiffPIR, which steps alike: the mean of the posterior (its error below what 16 exact samples
// have, since the spread is too small; missing pixels are slower: 2.03 at 50 steps, 1.12 at 200), a spread of 1/sqrt(2)
// of it.
TEST(HardConsistency, MeetsTheBudgetWithTheMeanOfTheGaussianPosterior) {
  for (const std::string& task : closed_form_tasks()) {
    const Agreement a = judged(closed_form(task, {}), HardConsistency(), "hard_consistency 50");
    EXPECT_LE(a.residual, 1 + 1e-3) << task;
    EXPECT_GE(a.residual, task == "sr" ? 0.98 : 0.995) << task;
    EXPECT_LT(a.mean_ratio, (task == "inpaint" ? 2.03 : 0.85) + 3 * kMeanRatioError) << task;
    EXPECT_NEAR(a.std_ratio, task == "inpaint" ? 0.79 : 0.68, 3 * kStdRatioError) << task;
  }
}

// No backward pass: like the other solvers without one it finds modes with about their prior weights, 0.5.
TEST(HardConsistency, FindsBothModesOfAMixtureWithTheirPriorWeights) {
  const ModeShares shares = mode_shares(two_modes(400), HardConsistency(), "hard_consistency");
  EXPECT_NEAR(shares.upper, 0.45, 4 * shares.standard_error);
}

// The residual follows the quantile asked for: m = 1024 has 0.9001, 0.9993 and 1.1058 for 1 %, 50 % and 99 %. Soft
// clipping is not linear, so the step length comes from a central difference; it has no other minima to get stuck in.
TEST(HardConsistency, StopsAtTheQuantileOfNonLinearDataToo) {
  const ClosedForm exact = closed_form("blur", {.items = 1, .samples = 1, .dtype = at::kDouble});
  const auto op = build_operator(R"({"type": "clipping", "low": -1, "high": 1, "softness": 0.05})",
                                 {{1, 32, 32}, ScalarKind::real});
  Problem problem{.op = op, .y = op->apply(exact.mean), .noise_std = {0.05}, .keys = {{1, 0}}, .image = op->domain()};
  problem.y = problem.y + 0.05 * Rng(2, "noise").normal(problem.keys, 0, op->range(), at::kDouble);
  HardConsistency solver;
  solver.steps = 10;
  const std::vector<std::pair<double, double>> budgets = {{0.01, 0.9001}, {0.5, 0.9993}, {0.99, 1.1058}};
  for (const auto& [quantile, budget] : budgets) {
    solver.quantile = quantile;
    const double chi2 = solver.solve(problem, exact.prior.get(), {}).chi2[0];
    EXPECT_LT(chi2, budget * 1.001) << quantile;  // the tolerance of the data step
    EXPECT_GT(chi2, budget * 0.99) << quantile;   // below it where the denoised image is there by itself
  }
}

TEST(HardConsistency, NeedsOneForwardPassPerLevel) {
  const ClosedForm c = closed_form("fourier", {.size = 16, .items = 1, .samples = 1});
  HardConsistency solver;
  solver.steps = 7;
  const Report report = solver.solve(c.problem, c.prior.get(), {});
  EXPECT_EQ(report.nfe_forward.front(), 7);
  EXPECT_EQ(report.nfe_backward.front(), 0);
}

}  // namespace
}  // namespace recon::test
