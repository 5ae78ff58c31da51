// `format: raw`: what of a camera's mosaic reaches the solvers.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "data/raw_mosaic.h"
#include "recon/config/config.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/opened_input.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

const std::string photographs = test::source_path("tests/golden/formats/");

PreparedItem prepared(const std::string& yaml) {
  const auto config = Config::from_text("input: " + yaml + "\n", "run.yaml", photographs);
  return open_inputs(read_input_plan(config.root()->find("input")->value), {}).at(0).source.prepare(0, c10::kCPU);
}

double srgb(double light) { return light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055; }

TEST(RawFormat, LightIsBalancedAndDrawnAsPicturesAre) {
  const RawMosaic mosaic = read_raw_mosaic(photographs + "mosaic.dng");
  const PreparedItem item = prepared("{files: mosaic.dng}");  // by its name
  EXPECT_EQ(item.op->domain(), (TensorSpec{{3, 48, 64}, ScalarKind::real}));
  EXPECT_EQ(item.op->name(), "demosaicing(rggb)");
  const at::Tensor y = item.y.reshape({48, 64});
  const auto expect_pixel = [&](std::int64_t row, std::int64_t column, double balance) {
    const double light = mosaic.values[row][column].item<double>();
    EXPECT_NEAR(y[row][column].item<double>(), srgb(std::min(1.0, balance * light)), 1e-5) << row << ", " << column;
  };
  expect_pixel(2, 60, 2);
  expect_pixel(3, 60, 1);
  expect_pixel(2, 61, 1);
  expect_pixel(3, 61, 1 / 0.64);
  expect_pixel(24, 18, 2);  // saturated
  EXPECT_EQ(y.max().item<double>(), 1);
}

TEST(RawFormat, LinearLightHasTheNoiseThatTheFileStates) {
  const RawMosaic mosaic = read_raw_mosaic(photographs + "turned.dng");
  const PreparedItem item = prepared("{files: turned.dng, format: raw, curve: linear, white_balance: none}");
  EXPECT_TRUE(at::equal(item.y.reshape({64, 48}), mosaic.values));
  const at::Tensor std = item.noise.variance.sqrt().reshape({64, 48});
  const auto expect_std = [&](std::int64_t row, std::int64_t column, double per_signal, double constant) {
    double mean = 0;  // of the same filter's pixels around
    for (const std::int64_t down : {-2, 0, 2}) {
      for (const std::int64_t right : {-2, 0, 2}) mean += mosaic.values[row + down][column + right].item<double>() / 9;
    }
    EXPECT_NEAR(std[row][column].item<double>() / std::sqrt(per_signal * mean + constant), 1, 1e-5);
  };
  expect_std(40, 40, 1e-4, 1e-6);
  expect_std(40, 41, 2e-4, 2e-6);
  expect_std(41, 40, 2e-4, 2e-6);
  expect_std(41, 41, 4e-4, 4e-6);
}

// Noise drawn in the light: the data minus what the scene without noise gives, over the stated deviations.
TEST(RawFormat, TheEstimatedNoiseIsTheNoiseThatIsThere) {
  const at::Tensor y = at::arange(128, at::kDouble).unsqueeze(1) / 160, x = at::arange(160, at::kDouble) / 160;
  const at::Tensor red = (0.05 + 0.5 * x).expand({128, 160}), green = (0.1 + 0.6 * y).expand({128, 160}),
                   blue = 0.3 - 0.25 * x * y;
  at::Tensor scene = green.clone();  // bggr
  const auto filter = [](const at::Tensor& of, std::int64_t row, std::int64_t column) {
    return of.slice(0, row, std::nullopt, 2).slice(1, column, std::nullopt, 2);
  };
  filter(scene, 0, 0).copy_(filter(blue, 0, 0));
  filter(scene, 1, 1).copy_(filter(red, 1, 1));
  const at::Tensor shown = 1.055 * scene.clamp_min(0.0031308).pow(1 / 2.4) - 0.055;
  const PreparedItem item = prepared("{files: plain.dng}");
  const at::Tensor error = (item.y.reshape({128, 160}) - shown) / item.noise.variance.sqrt().reshape({128, 160});
  const at::Tensor disk = (x - 0.3).square() + (y - 0.4).square() < 0.02;  // it is saturated
  const at::Tensor seen = error.masked_select(disk.logical_not());
  EXPECT_NEAR(seen.square().mean().item<double>(), 1, 0.1);
  EXPECT_NEAR(seen.mean().item<double>(), 0, 0.05);
}

}  // namespace
}  // namespace recon
