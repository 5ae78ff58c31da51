// Scores of predictions: by hand, and proper: nobody scores better than the truth does.
#include "recon/metrics/predictive_score.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

at::Tensor normal(std::uint32_t step, const Shape& shape) {
  return Rng(2, "predictive score test").normal({{0, 0}}, step, {shape, ScalarKind::real}, at::kDouble)[0];
}

TEST(PredictiveScore, ByHand) {
  const at::Tensor y = at::tensor({1.0, 7.0}), variance = at::full({1}, 4.0, at::kDouble);
  const at::Tensor first = at::tensor({1, 0}).to(at::kBool);
  // One sample: no spread of its own. z = (1 - 3) / 2 = -1.
  const PredictiveScore one = predictive_score(y, variance, at::tensor({3.0, 0.0}).view({1, 2}), SamplePairs(1), first);
  EXPECT_EQ(one.components, 1);
  EXPECT_NEAR(one.log_score, -0.5 - std::log(2.0) - 0.5 * std::log(2 * std::numbers::pi), 1e-12);
  EXPECT_NEAR(one.chi2, 1, 1e-12);
  EXPECT_EQ(one.coverage, 1);
  // 2 (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)) at z = -1.
  EXPECT_NEAR(one.crps, 2 * (0.682689492 + 2 * 0.241970725 - 0.564189584), 1e-8);
  // Two samples 1 and 5: s² = 8, predicted variance 8 * 1.5 + 4 = 16.
  const PredictiveScore two =
      predictive_score(y, variance, at::tensor({1.0, 0.0, 5.0, 0.0}).view({2, 2}), SamplePairs(2), first);
  EXPECT_NEAR(two.chi2, 0.25, 1e-12);
  // Complex numbers are two components each.
  const at::Tensor plane = at::complex(y, y);
  EXPECT_EQ(predictive_score(plane, variance, at::zeros({1, 2}, at::kComplexDouble), SamplePairs(1)).components, 4);
  EXPECT_THROW(predictive_score(y, variance, at::zeros({1, 2}), SamplePairs(1), at::zeros({2}, at::kBool)), Error);
}

// Data N(0, 1) + noise of variance .25; predictions by samples of N(0, f²): the right spread, f = 1, has the best log
// score and CRPS, coverage 90 % and chi² 1, up to what 16 samples know of a spread.
TEST(PredictiveScore, RightSpreadScoresBest) {
  constexpr std::int64_t count = 20000, samples = 16;
  const at::Tensor y = normal(0, {count}) + 0.5 * normal(1, {count});
  const at::Tensor drawn = normal(2, {samples, count}), variance = at::full({1}, 0.25, at::kDouble);
  const PredictiveScore right = predictive_score(y, variance, drawn, SamplePairs(drawn.size(0)));
  EXPECT_NEAR(right.coverage, 0.9, 0.015);
  EXPECT_NEAR(right.chi2, 1.085, 0.05);  // 1 + var(s²) of 16 samples, in units of the predicted variance
  for (const double factor : {0.3, 0.6, 1.6, 3.0}) {
    const PredictiveScore off = predictive_score(y, variance, factor * drawn, SamplePairs(drawn.size(0)));
    EXPECT_LT(off.log_score, right.log_score) << factor;
    EXPECT_GT(off.crps, right.crps) << factor;
  }
  EXPECT_LT(predictive_score(y, variance, drawn + 0.5, SamplePairs(drawn.size(0))).log_score, right.log_score);
}

}  // namespace
}  // namespace recon
