// The kernel of a blur, found from blurred images alone.
#include "operators/blur/blur_estimation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "operators/blur/blur.h"
#include "recon/core/rng.h"
#include "tests/support/blur_kernels.h"
#include "tests/support/faults.h"

namespace recon::test {
namespace {

/// What the images say inside of the kernel's reach, and noise.
at::Tensor blurred(const at::Tensor& images, const BlurKernel& kernel, double noise_std, std::uint64_t seed = 1) {
  const TensorSpec image = spec_of_item(images);
  const LinearOperatorPtr op = make_blur(image, kernel.on(image, "test"), Boundary::unknown, "test");
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < images.size(0); ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
  return op->apply(images) + noise_std * Rng(seed, "noise").normal(keys, 0, op->range(), images.options());
}

/// Fields with the power spectrum of the model, f^-2.2, the middle of them: they do not go on at the other side.
at::Tensor fields(std::int64_t count, std::int64_t size) {
  const std::int64_t wide = 2 * size;
  const at::Tensor f = at::fft_fftfreq(wide, 1.0, at::kDouble);
  const double lowest = 0.5 / static_cast<double>(wide);
  const at::Tensor radius = (f.square().unsqueeze(1) + f.square().unsqueeze(0)).sqrt().clamp_min(lowest);
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < count; ++i) keys.push_back({static_cast<std::uint64_t>(i), 7});
  const at::Tensor white = Rng(2, "fields").normal(keys, 0, {{1, wide, wide}}, at::kDouble);
  const at::Tensor drawn = at::real(at::fft_ifft2(at::fft_fft2(white) * (1e-3 * radius.pow(-2.2)).sqrt()));
  return drawn.narrow(2, size / 2, size).narrow(3, size / 2, size);
}

/// The distance from the truth in standard errors.
double off(const EstimatedOption& found, double truth) { return (found.value - truth) / found.standard_error; }

// On images that are what the model says, errors are as large as they are said to be.
TEST(BlurEstimation, StandardErrorsAreThoseOfManyFields) {
  double squares = 0;
  for (std::int64_t i = 0; i < 12; ++i) {
    const at::Tensor y = blurred(fields(12, 96).narrow(0, i, 1), gaussian_kernel(1.7), 0.01, 5);
    const BlurEstimate found = estimate_blur(y, {}, {"std_px"}, 0.01, "field");
    ASSERT_EQ(found.options.size(), 1U);
    EXPECT_NEAR(found.options[0].value, 1.7, 0.3);
    squares += std::pow(off(found.options[0], 1.7), 2) / 12;
  }
  std::printf("mean squared error over squared standard error: %.2f\n", squares);
  EXPECT_GT(squares, 0.3);  // chi² of 12 over 12: .3 to 2.2 at 1 in 100 on either side
  EXPECT_LT(squares, 2.2);
}

TEST(BlurEstimation, FindsEachShapeAndTheNoise) {
  const at::Tensor images = fields(4, 128);
  const BlurEstimate wide = estimate_blur(blurred(images, gaussian_kernel(2.4), 0.02), {}, {"std_px"}, {}, "fields");
  EXPECT_NEAR(wide.kernel.std_px, 2.4, 0.12);
  EXPECT_NEAR(wide.noise_std, 0.02, 0.001);
  const BlurEstimate round =
      estimate_blur(blurred(images, disk_kernel(3.3), 0.01), disk_kernel(1), {"radius_px"}, 0.01, "fields");
  EXPECT_NEAR(round.kernel.radius_px, 3.3, 0.1);
  EXPECT_EQ(round.noise_std, 0.01);
  const BlurEstimate moved = estimate_blur(blurred(images, motion_kernel(11, 155), 0.01), motion_kernel(1, 0),
                                           {"length_px", "angle_deg"}, {}, "fields");
  EXPECT_NEAR(moved.kernel.length_px, 11, 0.3);
  EXPECT_NEAR(moved.kernel.angle_deg, 155, 2);
  const BlurEstimate turned =
      estimate_blur(blurred(images, motion_kernel(11, 2), 0.01), motion_kernel(11, 0), {"angle_deg"}, 0.01, "fields");
  EXPECT_LT(std::abs(std::remainder(turned.kernel.angle_deg - 2, 180)), 2) << "next to where angles begin anew";
}

TEST(BlurEstimation, SaysSoWhereTheDataDoNotShowIt) {
  const at::Tensor sharp = fields(1, 96);
  expect_says(complaint([&] { estimate_blur(sharp, {}, {"std_px"}, {}, "sharp.png"); }),
              {"sharp.png", "std_px", "do not show", "at the end", "give the number"});
  expect_says(complaint([&] { estimate_blur(sharp, {}, {"length_px"}, {}, "place"); }, ErrorKind::usage),
              {"place", "'length_px'", "gaussian", "std_px can"});
  BlurKernel own;
  own.shape = KernelShape::array;
  expect_says(complaint([&] { estimate_blur(sharp, own, {"kernel"}, {}, "place"); }, ErrorKind::usage),
              {"'kernel'", "nothing can"});
  expect_says(complaint([&] { estimate_blur(sharp.narrow(2, 0, 20), {}, {"std_px"}, {}, "small"); }),
              {"small", "32 x 32", "20"});
  expect_says(complaint([&] { estimate_blur(at::ones({1, 1, 64, 64}), {}, {"std_px"}, {}, "flat"); }), {"constant"});
  at::Tensor broken = sharp.clone();
  broken[0][0][5][5] = std::numeric_limits<double>::quiet_NaN();
  expect_says(complaint([&] { estimate_blur(broken, {}, {"std_px"}, {}, "broken"); }), {"broken", "NaN"});
}

}  // namespace
}  // namespace recon::test
