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

// Slices of a volume are pictures, with what their support leaves.
TEST(NoiseLevel, OfAVolume) {
  std::vector<at::Tensor> slices;
  for (int z = 0; z < 4; ++z)
    slices.push_back((1 + 0.2 * z) * smooth(64) +
                     noise(128, 0.03, ScalarKind::real).narrow(1, 16 * z, 64).narrow(2, 0, 64));
  const at::Tensor volume = at::stack(slices, 1);
  const auto got = estimate_noise_level(volume, {});
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->count, 4 * 63 * 63);
  EXPECT_NEAR(got->std / 0.03, 1, allowed(got->count) + 0.02);
  at::Tensor first = at::zeros({1, 4, 64, 64}, at::kDouble);
  first.select(1, 0).fill_(1);
  EXPECT_EQ(estimate_noise_level(volume, first)->count, 63 * 63);
  EXPECT_EQ(estimate_noise_level(volume.transpose(0, 1), {})->count, 4 * 63 * 63) << "the data of slices";
}

TEST(NoiseLevel, OfAMaskedPicture) {
  const at::Tensor mask =
      (Rng(1, "mask").uniform({{0, 0}}, 0, {{1, 128, 128}, ScalarKind::real})[0] < 0.4).to(at::kDouble);
  const auto got = estimate_noise_level((smooth(128) + noise(128, 0.05, ScalarKind::real)) * mask, mask);
  ASSERT_TRUE(got.has_value());
  EXPECT_NEAR(got->std / 0.05, 1, allowed(got->count));
  // Without the mask the zeros themselves say what was not measured.
  EXPECT_NEAR(estimate_noise_level((smooth(128) + noise(128, 0.05, ScalarKind::real)) * mask, {})->std, 0.05, 0.02);
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

// Random supports: boxes of exact zeros, NaN, a fill value, saturated pixels, quantised values; real and complex data.
TEST(NoiseLevel, WhatWasNotMeasuredDoesNotCountInTwoHundredRandomCases) {
  constexpr std::int64_t n = 64;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const at::Tensor u = Rng(2, "supports").uniform({{i, 0}}, 0, {{8}, ScalarKind::real})[0];
    const auto draw = [&](std::int64_t k) { return u[k].item<double>(); };
    const double std = std::pow(10.0, -1 - 3 * draw(0));
    const bool complex = i % 2 == 1;
    const TensorSpec spec{{1, n, n}, complex ? ScalarKind::complex : ScalarKind::real};
    const at::TensorOptions like = complex ? at::kComplexDouble : at::kDouble;
    at::Tensor y = std * Rng(3, "noise").normal({{i, 0}}, 0, spec, like)[0];
    if (!complex) y = y + 0.5;
    const auto rows = static_cast<std::int64_t>(40 * draw(1)), first = static_cast<std::int64_t>(20 * draw(2));
    at::Tensor support;
    switch (i / 2 % 4) {
      case 0:  // padding that nobody speaks of
        y.narrow(1, first, rows).zero_();
        break;
      case 1:  // the support says so, and NaN is there
        support = at::ones({1, n, n}, at::kDouble);
        support.narrow(1, first, rows).zero_();
        y.narrow(1, first, rows).fill_(std::nan(""));
        break;
      case 2:  // a fill value beside the support
        support = at::ones({1, n, n}, at::kDouble);
        support.narrow(1, first, rows).zero_();
        y.narrow(1, first, rows).fill_(65535);
        break;
      default:  // saturation, of real data
        if (!complex) y.narrow(1, first, rows).fill_(1.0 + std);
        break;
    }
    const auto got = estimate_noise_level(y, support);
    ASSERT_TRUE(got.has_value()) << i;
    EXPECT_NEAR(got->std / std, 1, 5 * got->relative_error) << i;
    EXPECT_LT(got->relative_error, 0.1) << i;
    const bool spoken_of = support.defined() || (complex && i / 2 % 4 == 3);
    EXPECT_EQ(got->left_out, spoken_of ? 0 : rows * n) << i << " " << got->to_string();
  }
}

// Integers, with noise from a tenth of a step on: many neighbours are equal, and where all noise is below half a step,
// the level is that of rounding. 200 random cases, flat and smooth.
TEST(NoiseLevel, CoarseValuesHaveNoiseTooInTwoHundredRandomCases) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    const at::Tensor u = Rng(4, "steps").uniform({{i, 0}}, 0, {{3}, ScalarKind::real})[0];
    const double std = std::pow(10.0, -1 + 1.5 * u[0].item<double>()),
                 step = std::pow(10.0, -3 + 3 * u[1].item<double>());
    const at::Tensor picture = i % 2 == 0 ? smooth(96) * 60 : at::full({1, 96, 96}, 100.3, at::kDouble);
    const at::Tensor draw = Rng(5, "coarse").normal({{i, 0}}, 0, {{1, 96, 96}, ScalarKind::real}, at::kDouble)[0];
    const auto got = estimate_noise_level(step * at::round(picture + std * draw), {});
    if (i % 2 == 1 && std < 0.2 && !got) continue;  // 0.2 steps to the next one: hardly a value differs, or none
    ASSERT_TRUE(got.has_value()) << i << " " << std;
    const double rounded = step * std::sqrt(std * std + 1.0 / 12);
    EXPECT_GT(got->std, 0.6 * rounded) << i << " " << std;
    EXPECT_LT(got->std, 2 * rounded) << i << " " << std;
  }
  EXPECT_FALSE(estimate_noise_level(at::full({1, 64, 64}, 3.0, at::kDouble), {}).has_value());
}

TEST(NoiseLevel, NothingFromTooLittleOrOtherShapes) {
  EXPECT_FALSE(estimate_noise_level(noise(8, 1, ScalarKind::real), {}).has_value());
  EXPECT_FALSE(estimate_noise_level(at::ones({500}), {}).has_value());
}

}  // namespace
}  // namespace recon
