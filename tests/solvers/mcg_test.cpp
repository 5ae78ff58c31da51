#include "recon/solvers/posterior/mcg.h"

#include <gtest/gtest.h>

#include "tests/solvers/posterior_judge.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

Mcg method(const std::string& name) {
  Mcg solver;
  solver.method = word(name);
  return solver;
}

// The known bias, measured: noise of 0.05 is fitted (a residual of 0 where A has full rank, as after a pseudo-inverse),
// amplified by the blur to hundreds of sampling errors, and missing pixels disagree with their neighbours as in ddnm
// without time travel. The Fourier mask is exact but for the noise.
TEST(SlowMcg, HasTheBiasOfAProjectionOntoNoisyData) {
  for (const std::string name : {"projection", "mcg"}) {
    const auto judge = [&](const std::string& task) { return judged(closed_form(task, {}), method(name), name); };
    EXPECT_GT(judge("blur").mean_ratio, 100) << name;
    const Agreement inpaint = judge("inpaint"), sr = judge("sr"), fourier = judge("fourier");
    EXPECT_LT(inpaint.residual, 1e-3) << name;
    EXPECT_NEAR(inpaint.mean_ratio, name == "mcg" ? 1.96 : 3.10, 5 * kMeanRatioError) << name;
    EXPECT_LT(sr.residual, 1e-3) << name;
    EXPECT_NEAR(sr.mean_ratio, 1.26, 4 * kMeanRatioError) << name;
    EXPECT_NEAR(fourier.mean_ratio, 0.98, 3 * kMeanRatioError) << name;
    EXPECT_NEAR(fourier.std_ratio, 0.915, 3 * kStdRatioError) << name;
  }
}

// Without noise the last projection meets the data to rounding: 1e3 pixels of order 1.
TEST(Mcg, MeetsNoiseFreeDataExactly) {
  ClosedForm c =
      closed_form("inpaint", {.size = 16, .items = 1, .samples = 1, .noise_std = 1e-9, .dtype = at::kDouble});
  Mcg solver = method("mcg");
  solver.sampling.steps = 5;
  const Report report = solver.solve(c.problem, c.prior.get(), {});
  EXPECT_LT((c.problem.y - c.op->apply(report.x)).abs().max().item<double>(), 1e3 * 0x1p-52);
  EXPECT_EQ(report.nfe_backward.front(), 5);
  Mcg projection = method("projection");
  projection.sampling.steps = 5;
  EXPECT_EQ(projection.solve(c.problem, c.prior.get(), {}).nfe_backward.front(), 0);
}

}  // namespace
}  // namespace recon::test
