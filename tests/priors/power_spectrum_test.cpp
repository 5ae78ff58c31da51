#include "priors/power_spectrum.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "priors/gaussian_prior.h"
#include "recon/core/error.h"

namespace recon::test {
namespace {

/// Draws of a field whose spectrum falls as f^-2 from `corner` on, 64 pixels wide, and the middle 32 of them: tiles
/// that do not go on at the other side.
struct Field {
  at::Tensor power;  ///< at the 64 x 64 frequencies
  at::Tensor tiles;  ///< [N, 1, 32, 32]
};

Field drawn_field() {
  const at::Tensor f = on_frequencies({{0.01, 0.01}, {1, 1}}, 64, 64);  // the frequencies themselves
  const at::Tensor power = 1e-3 / (f.square() + 0.05 * 0.05);
  const GaussianPrior prior(at::zeros({1, 64, 64}), Covariance::stationary(power.unsqueeze(0)));
  std::vector<StreamKey> keys;
  for (std::uint64_t i = 0; i < 200; ++i) keys.push_back({i, 0});
  const at::Tensor drawn = prior.sample(Rng(1, "field"), keys, at::kDouble);
  return {.power = power, .tiles = 0.3 + drawn.narrow(2, 16, 32).narrow(3, 16, 32)};
}

TEST(PowerSpectrum, OfTilesOfAFieldIsThatOfTheField) {
  const Field field = drawn_field();
  const PowerSpectrum measured = measured_power_spectrum(field.tiles);
  ASSERT_GE(measured.size(), 10U);
  for (const auto& [frequency, power] : measured) {
    if (frequency < 2.0 / 32) continue;  // the window's own width
    EXPECT_NEAR(power * (frequency * frequency + 0.05 * 0.05) / 1e-3, 1, 0.12) << frequency;
  }
  // What it is worth on another grid: the variance of a pixel.
  const double variance = on_frequencies(measured, 64, 64).mean().item<double>();
  EXPECT_NEAR(variance / field.power.mean().item<double>(), 1, 0.1);
}

TEST(PowerSpectrum, IsConstantBeyondItsEndsAndLogarithmicBetween) {
  const at::Tensor grid = on_frequencies({{0.125, 4}, {0.25, 1}}, 16, 16);
  const auto at_columns = [&](std::int64_t k) { return grid[0][k].item<double>(); };
  EXPECT_DOUBLE_EQ(at_columns(0), 4);
  EXPECT_NEAR(at_columns(2), 4, 1e-12);
  EXPECT_NEAR(at_columns(3), 4 * std::pow(3.0 / 2, -2), 1e-12);
  EXPECT_NEAR(at_columns(4), 1, 1e-12);
  EXPECT_NEAR(at_columns(8), 1, 1e-12);
  EXPECT_TRUE(at::equal(grid, grid.t()));
  EXPECT_FALSE(on_frequencies({}, 16, 16).defined());
}

TEST(PowerSpectrum, IsNotKnownOfImagesThatSayNothing) {
  EXPECT_TRUE(measured_power_spectrum(at::zeros({2, 1, 16, 16})).empty());
  EXPECT_TRUE(measured_power_spectrum(at::arange(224.0).view({2, 1, 16, 7})).empty());
  EXPECT_THROW(measured_power_spectrum({}), Error);
}

}  // namespace
}  // namespace recon::test
