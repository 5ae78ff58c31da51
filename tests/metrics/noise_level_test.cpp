#include "recon/metrics/noise_level.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/rng.h"

namespace recon {
namespace {

at::Tensor noise(std::int64_t size, double std, ScalarKind scalar) {
  const TensorSpec spec{{1, size, size}, scalar};
  const at::TensorOptions like = scalar == ScalarKind::complex ? at::kComplexDouble : at::kDouble;
  return std * Rng(7, "noise level").normal({{0, 0}}, 0, spec, like)[0];
}

/// A smooth picture: sines of a period of 32 pixels and more.
at::Tensor smooth(std::int64_t size) {
  const at::Tensor i = at::arange(size, at::kDouble) / 5.0;
  return (0.5 + 0.4 * at::sin(i).unsqueeze(1) * at::cos(0.7 * i)).unsqueeze(0);
}

// A median of n squares or moduli of normals has the relative standard error 1.17 / sqrt(n) for moduli (of |y|² of
// complex data: 0.72 / sqrt(n) in the std). The overlapping blocks hold a quarter as many independent ones at worst.
double allowed(std::int64_t count) { return 4 * 1.17 / std::sqrt(static_cast<double>(count) / 4); }

TEST(NoiseLevel, OfASmoothPicture) {
  const auto got = estimate_noise_level(smooth(128) + noise(128, 0.03, ScalarKind::real), {});
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->count, 127 * 127);
  // The picture's own diagonal differences are below 0.4 / 25 * 0.7 / 2 = 0.006: 2 % of 0.03 in squares.
  EXPECT_NEAR(got->std / 0.03, 1, allowed(got->count) + 0.02);
}

TEST(NoiseLevel, OfAMaskedPicture) {
  const at::Tensor mask =
      (Rng(1, "mask").uniform({{0, 0}}, 0, {{1, 128, 128}, ScalarKind::real})[0] < 0.4).to(at::kDouble);
  const auto got = estimate_noise_level((smooth(128) + noise(128, 0.05, ScalarKind::real)) * mask, mask);
  ASSERT_TRUE(got.has_value());
  EXPECT_NEAR(got->std / 0.05, 1, allowed(got->count));
  // Without the mask the gaps count as edges: the test can tell.
  EXPECT_GT(estimate_noise_level((smooth(128) + noise(128, 0.05, ScalarKind::real)) * mask, {})->std, 0.1);
  const at::Tensor sparse = (at::arange(128 * 128).view({1, 128, 128}).remainder(2) == 0).to(at::kDouble);
  EXPECT_FALSE(estimate_noise_level(sparse, sparse).has_value());  // no complete block
}

TEST(NoiseLevel, OfMaskedFrequencies) {
  at::Tensor y = noise(128, 0.02, ScalarKind::complex);
  y.narrow(1, 54, 20).narrow(2, 54, 20).add_(100.0);  // the image's low frequencies
  const at::Tensor lines = (at::arange(128).remainder(3) == 0).to(at::kDouble).view({1, 1, 128});
  const auto got = estimate_noise_level(y * lines, lines);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->count, 43 * 128 / 10);
  EXPECT_NEAR(got->std / 0.02, 1, 4 * 0.72 / std::sqrt(static_cast<double>(got->count)));
}

TEST(NoiseLevel, NothingFromTooLittleOrOtherShapes) {
  EXPECT_FALSE(estimate_noise_level(noise(8, 1, ScalarKind::real), {}).has_value());
  EXPECT_FALSE(estimate_noise_level(at::ones({500}), {}).has_value());
}

}  // namespace
}  // namespace recon
