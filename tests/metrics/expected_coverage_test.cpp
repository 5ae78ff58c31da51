// TARP: right samples give the diagonal, samples that are too narrow, or right pixel by pixel only, do not.
#include "recon/metrics/expected_coverage.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr std::int64_t images = 300, samples = 8, pixels = 16;

at::Tensor normal(std::uint64_t item, std::uint32_t step, const Shape& shape) {
  return Rng(5, "expected coverage test").normal({{item, 0}}, step, {shape, ScalarKind::real}, at::kDouble)[0];
}

/// Every image: truth = a + noise with a common part of all pixels; samples likewise, off by `factor`; `shuffled` draws
/// the common part pixel by pixel, so that each pixel alone is still right.
ExpectedCoverage curve_of(double factor, bool shuffled) {
  std::vector<double> shares;
  for (std::uint64_t i = 0; i < images; ++i) {
    const at::Tensor truth = normal(i, 0, {1}) + normal(i, 1, {pixels});
    const at::Tensor common = shuffled ? normal(i, 2, {samples, pixels}) : normal(i, 2, {samples, 1});
    const at::Tensor drawn = factor * (common + normal(i, 3, {samples, pixels}));
    shares.push_back(share_nearer(drawn, truth, 2 * normal(i, 4, {1}) + normal(i, 5, {pixels})));
  }
  return expected_coverage(shares, samples, 1);
}

TEST(ExpectedCoverage, RightSamplesAreOnTheDiagonal) {
  const ExpectedCoverage right = curve_of(1, false);
  EXPECT_LT(right.worst, 3.5);  // nine correlated levels of a normal error: one false alarm in a thousand seeds
  for (std::size_t i = 0; i < right.nominal.size(); ++i) {
    EXPECT_LT(right.low[i], right.covered[i]);
    EXPECT_GT(right.high[i], right.covered[i]);
    EXPECT_LT(right.high[i] - right.low[i], 0.12);
  }
}

TEST(ExpectedCoverage, WrongSpreadAndWrongCorrelationsAreSeen) {
  EXPECT_GT(curve_of(0.7, false).worst, 3.5);
  EXPECT_GT(curve_of(1.4, false).worst, 3.5);
  EXPECT_GT(curve_of(1, true).worst, 3.5);
}

TEST(ExpectedCoverage, SharesByHand) {
  const at::Tensor drawn = at::tensor({1.0, 2.0, 3.0, 4.0}).view({4, 1});
  EXPECT_EQ(share_nearer(drawn, at::tensor({2.5}), at::tensor({0.0})), 0.5);
  EXPECT_EQ(share_nearer(drawn, at::tensor({2.0}), at::tensor({0.0})), 0.375);  // a tie counts half
  EXPECT_EQ(share_nearer(drawn, at::tensor({0.5}), at::tensor({0.0})), 0);
  // One sample, ranks 0 and 1: half of the images each, the diagonal.
  const ExpectedCoverage two = expected_coverage({0, 1, 0, 1}, 1, 3);
  for (std::size_t i = 0; i < two.nominal.size(); ++i) EXPECT_NEAR(two.covered[i], two.nominal[i], 1e-12);
  EXPECT_THROW(expected_coverage({0.5}, 4, 0), Error);
}

}  // namespace
}  // namespace recon
