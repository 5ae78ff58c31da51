#include "recon/metrics/camera_noise.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/rng.h"

namespace recon {
namespace {

/// Light behind a mosaic, with a slope over `columns` and a level of its own for each filter.
at::Tensor light_behind_filters(std::int64_t rows, std::int64_t columns) {
  at::Tensor light = at::linspace(0.05, 0.7, columns, at::kDouble).expand({rows, columns}).clone();
  light.slice(0, 1, std::nullopt, 2).mul_(0.5);
  light.slice(1, 1, std::nullopt, 2).mul_(0.8);
  return light;
}

at::Tensor gaussian(std::int64_t side, std::uint32_t call) {
  return Rng(1, "test").normal({StreamKey{}}, call, {{side, side}, ScalarKind::real}, at::kDouble)[0];
}

TEST(CameraNoise, PhotonsAndReadNoiseAreToldApart) {
  const at::Tensor light = light_behind_filters(512, 512);
  const double photons = 1.0 / 800, read = 4e-5;
  const at::Tensor noisy = light + (photons * light + read).sqrt() * gaussian(512, 0);
  const auto found = estimate_camera_noise(noisy, 1);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->per_signal / photons, 1, 0.1);
  EXPECT_NEAR(found->constant / read, 1, 0.3);
}

TEST(CameraNoise, EdgesAndSaturationAreLeftOut) {
  at::Tensor light = light_behind_filters(512, 512);
  for (std::int64_t i = 0; i < 512; i += 16) light[i].mul_(0.3);  // lines
  light.slice(0, 0, 128).fill_(1.2);
  const double photons = 1.0 / 500;
  const at::Tensor noisy = light + (photons * light).sqrt() * gaussian(512, 1);
  const auto found = estimate_camera_noise(noisy.clamp_max(1), 1);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->per_signal / photons, 1, 0.15);
  EXPECT_LT(found->constant, 1e-4);
}

TEST(CameraNoise, ReadNoiseAloneHasNoSlope) {
  const at::Tensor noisy = light_behind_filters(256, 256) + 0.01 * gaussian(256, 2);
  const auto found = estimate_camera_noise(noisy, 1);
  ASSERT_TRUE(found);
  EXPECT_NEAR((found->per_signal * 0.3 + found->constant) / 1e-4, 1, 0.1);
  EXPECT_LT(found->per_signal, 1e-4);
}

TEST(CameraNoise, TooLittleSaysNothing) {
  EXPECT_FALSE(estimate_camera_noise(light_behind_filters(16, 16), 1));
  EXPECT_FALSE(estimate_camera_noise(at::full({128, 128}, 0.5, at::kDouble), 1)) << "it does not vary";
  EXPECT_FALSE(estimate_camera_noise(at::ones({128, 128}, at::kDouble), 1)) << "all is saturated";
}

}  // namespace
}  // namespace recon
