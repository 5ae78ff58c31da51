// Patch-wise blur against a sum over pixels, and against the blur that does not vary.
#include "operators/blur/varying_blur.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "operators/blur/blur.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

at::Tensor draw(const TensorSpec& spec, std::uint32_t step = 0) {
  return Rng(8, "varying_blur_test").normal({{0, 0}}, step, spec, at::kDouble);
}

/// The weight of patch p of n at pixel i of an axis, from the definition.
double weight(std::int64_t p, std::int64_t n, std::int64_t i, std::int64_t size, bool smooth) {
  const double cells = (static_cast<double>(i) + 0.5) * static_cast<double>(n) / static_cast<double>(size) - 0.5;
  const double location = std::clamp(cells, 0.0, static_cast<double>(n - 1));  // in units of patches
  const double distance = std::abs(location - static_cast<double>(p));
  if (distance >= 1) return 0;
  return smooth ? std::pow(std::cos(std::numbers::pi / 2 * distance), 2) : 1 - distance;
}

/// y[i] = sum_s x[s] sum_p w_p[s] k_p[i - s + c], pixel by pixel.
at::Tensor by_definition(const at::Tensor& x, const at::Tensor& kernels, bool smooth) {
  const std::int64_t height = x.size(0), width = x.size(1), tall = kernels.size(2), wide = kernels.size(3);
  const at::Tensor y = at::zeros_like(x);
  for (std::int64_t r = 0; r < height; ++r) {
    for (std::int64_t c = 0; c < width; ++c) {
      at::Tensor spread = at::zeros({tall, wide}, at::kDouble);
      for (std::int64_t p = 0; p < kernels.size(0); ++p) {
        for (std::int64_t q = 0; q < kernels.size(1); ++q) {
          spread += weight(p, kernels.size(0), r, height, smooth) * weight(q, kernels.size(1), c, width, smooth) *
                    kernels[p][q];
        }
      }
      for (std::int64_t i = 0; i < tall; ++i) {
        for (std::int64_t j = 0; j < wide; ++j) {
          const std::int64_t row = r + i - tall / 2, column = c + j - wide / 2;
          if (row >= 0 && row < height && column >= 0 && column < width) y[row][column] += x[r][c] * spread[i][j];
        }
      }
    }
  }
  return y;
}

TEST(VaryingBlur, SpreadsEveryPixelByItsInterpolatedKernel) {
  for (const bool smooth : {true, false}) {
    // Even and odd kernels that are not symmetric; patches much smaller than the kernels in the second case.
    for (const auto& [patches, kernel] : std::vector<std::pair<Shape, Shape>>{{{2, 3}, {4, 3}}, {{7, 9}, {5, 6}}}) {
      const at::Tensor kernels = draw({{patches[0], patches[1], kernel[0], kernel[1]}, ScalarKind::real}, 1)[0];
      const TensorSpec image{{1, 9, 11}, ScalarKind::real};
      const at::Tensor x = draw(image);
      const at::Tensor y = make_varying_blur(image, kernels, smooth)->apply(x)[0][0];
      // FFTs of about 400 entries on sums of 30 terms of order 1.
      EXPECT_LT((y - by_definition(x[0][0], kernels, smooth)).abs().max().item<double>(), 1e-12);
    }
  }
}

TEST(VaryingBlur, WithEqualKernelsIsTheBlur) {
  const TensorSpec image{{2, 30, 41}, ScalarKind::complex};
  const at::Tensor kernel = draw({{6, 5}, ScalarKind::real}, 2)[0];
  const auto op = make_varying_blur(image, kernel.expand({4, 3, 6, 5}), true);
  const at::Tensor x = draw(image, 3);
  const at::Tensor expected = make_blur(image, kernel, Boundary::zero, "same")->apply(x);
  EXPECT_LT((op->apply(x) - expected).abs().max().item<double>(), 1e-12);
}

TEST(VaryingBlur, GeneratedKernelsWidenTowardsTheCorners) {
  const TensorSpec image{{1, 80, 80}, ScalarKind::real};
  const auto op =
      build_operator(R"({"type": "varying_blur", "patches": [5, 5], "std_px": 0.7, "corner_std_px": 2.1})", image);
  const auto peak_at = [&](std::int64_t pixel) {
    const at::Tensor point = at::zeros({1, 1, 80, 80}, at::kDouble);
    point[0][0][pixel][pixel] = 1;
    const at::Tensor y = op->apply(point);
    // No light is lost 8 pixels (4 stds) from the border but the Gaussian's tail.
    EXPECT_NEAR(y.sum().item<double>(), 1, pixel >= 8 ? 1e-4 : 1) << pixel;
    return y.max().item<double>();
  };
  // Middle and the diagonal patches' middles (8, 24, 40): distances 0, 0.4 and 0.8 of the way to the corner.
  const double expected[] = {0.7, 0.7 + 1.4 * 0.4, 0.7 + 1.4 * 0.8};
  const std::int64_t pixels[] = {40, 24, 8};
  for (std::size_t i = 0; i < 3; ++i) {
    double line = 0;  // sum of a sampled Gaussian
    for (int k = -9; k <= 9; ++k) line += std::exp(-0.5 * k * k / (expected[i] * expected[i]));
    // Pixels lie half a pixel off the middles: up to 1/32 of the next patch's kernel each way by sin²: below 1 %.
    EXPECT_NEAR(peak_at(pixels[i]) * line * line, 1, 0.02) << pixels[i];
  }
  EXPECT_LT(peak_at(2), peak_at(24));
}

TEST(VaryingBlur, RefusesWhatCannotBe) {
  const auto message = [](const std::string& json) -> std::string {
    try {
      build_operator(json, {{1, 8, 8}, ScalarKind::real});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message(R"({"type": "varying_blur", "kernels": [[1, 2]]})").find("got [1, 2]"), std::string::npos);
  EXPECT_NE(message(R"({"type": "varying_blur", "patches": [9, 2]})").find("than the 8 x 8 image"), std::string::npos);
  EXPECT_NE(message(R"({"type": "varying_blur", "patches": [0, 2]})").find("from 1 to 1024"), std::string::npos);
}

}  // namespace
}  // namespace recon
