// Blur against the sum that defines it, for every boundary, and its kernels.
#include "operators/blur/blur.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/blur/blur_kernel.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

/// Pixel i of the continued line of n pixels; -1 for darkness.
std::int64_t continued(std::int64_t i, std::int64_t n, Boundary boundary) {
  if (i >= 0 && i < n) return i;
  if (boundary == Boundary::circular) return (i % n + n) % n;
  if (boundary == Boundary::zero || boundary == Boundary::unknown) return -1;
  return i < 0 ? -1 - i : 2 * n - 1 - i;
}

/// y[i] = sum_j k[j] x[i - j + c], term by term.
at::Tensor direct_sum(const at::Tensor& x, const at::Tensor& kernel, Boundary boundary) {
  const std::int64_t height = x.size(0);
  const std::int64_t width = x.size(1);
  const at::Tensor y = at::zeros_like(x);
  const auto in = x.accessor<double, 2>();
  const auto k = kernel.accessor<double, 2>();
  auto out = y.accessor<double, 2>();
  for (std::int64_t r = 0; r < height; ++r) {
    for (std::int64_t c = 0; c < width; ++c) {
      for (std::int64_t a = 0; a < kernel.size(0); ++a) {
        for (std::int64_t b = 0; b < kernel.size(1); ++b) {
          const auto row = continued(r - a + kernel.size(0) / 2, height, boundary);
          const auto column = continued(c - b + kernel.size(1) / 2, width, boundary);
          if (row >= 0 && column >= 0) out[r][c] += k[a][b] * in[row][column];
        }
      }
    }
  }
  if (boundary != Boundary::unknown) return y;
  return y.narrow(0, kernel.size(0) - 1 - kernel.size(0) / 2, height - kernel.size(0) + 1)
      .narrow(1, kernel.size(1) - 1 - kernel.size(1) / 2, width - kernel.size(1) + 1);
}

at::Tensor draw(const Shape& shape) {
  return Rng(3, "blur_test").normal({StreamKey{}}, 0, {shape, ScalarKind::real}, at::kDouble)[0];
}

class BlurBoundary : public testing::TestWithParam<Boundary> {};

TEST_P(BlurBoundary, EqualsTheDirectSum) {
  const at::Tensor x = draw({11, 14});
  // Odd, even, oblong and as large as the image: centres and padding differ.
  for (const Shape& size : {Shape{3, 5}, Shape{4, 2}, Shape{1, 1}, Shape{11, 14}, Shape{7, 1}}) {
    const at::Tensor kernel = draw(size);
    const auto op = make_blur({{1, 11, 14}, ScalarKind::real}, kernel, GetParam(), "random");
    const at::Tensor expected = direct_sum(x, kernel, GetParam());
    const at::Tensor got = op->apply(x.view({1, 1, 11, 14}))[0][0];
    const double bound = 8 * 0x1p-52 * std::sqrt(11.0 * 14) * expected.abs().max().item<double>();
    EXPECT_LT((got - expected).abs().max().item<double>(), bound) << to_string(size);
  }
}

TEST_P(BlurBoundary, TreatsTheTwoPartsOfAComplexImageAlike) {
  const at::Tensor real = draw({1, 2, 9, 10});
  const at::Tensor imaginary = real.flip(-1).contiguous();
  const at::Tensor kernel = draw({3, 4});
  const auto on_real = make_blur({{2, 9, 10}, ScalarKind::real}, kernel, GetParam(), "random");
  const auto on_complex = make_blur({{2, 9, 10}, ScalarKind::complex}, kernel, GetParam(), "random");
  const at::Tensor y = on_complex->apply(at::complex(real, imaginary));
  EXPECT_TRUE(at::allclose(at::real(y), on_real->apply(real), 0, 1e-12));
  EXPECT_TRUE(at::allclose(at::imag(y), on_real->apply(imaginary), 0, 1e-12));
}

std::string boundary_name(const testing::TestParamInfo<Boundary>& tested) { return to_string(tested.param); }
INSTANTIATE_TEST_SUITE_P(All, BlurBoundary,
                         testing::Values(Boundary::circular, Boundary::zero, Boundary::reflect, Boundary::unknown),
                         boundary_name);

TEST(Blur, KeepsAConstantImageUnlessTheOutsideIsDark) {
  const TensorSpec image{{1, 20, 20}, ScalarKind::real};
  const at::Tensor ones = at::ones({1, 1, 20, 20}, at::kDouble);
  for (const char* boundary : {"circular", "reflect"}) {
    const auto op =
        build_operator(fmt::format(R"({{"type": "blur", "std_px": 2, "boundary": "{}"}})", boundary), image);
    EXPECT_TRUE(at::allclose(op->apply(ones), ones, 0, 1e-12));
  }
  const auto dark = build_operator(R"({"type": "blur", "std_px": 2, "boundary": "zero"})", image);
  EXPECT_LT(dark->apply(ones).select(2, 0).max().item<double>(), 0.7);
}

at::Tensor kernel_of(const std::string& json, bool even = false) {
  JsonOptions options(json);
  BlurKernel kernel;
  kernel.visit(options);
  options.finish();
  return kernel.on({{1, 64, 64}, ScalarKind::real}, "test", even);
}

struct Moments {
  double row, column, row_variance, column_variance, covariance;
};

/// First and second moments about the geometric centre.
Moments moments_of(const at::Tensor& kernel) {
  const at::Tensor r =
      (at::arange(kernel.size(0), at::kDouble) - 0.5 * static_cast<double>(kernel.size(0) - 1)).unsqueeze(1);
  const at::Tensor c =
      (at::arange(kernel.size(1), at::kDouble) - 0.5 * static_cast<double>(kernel.size(1) - 1)).unsqueeze(0);
  const auto mean = [&](const at::Tensor& weight) { return (kernel * weight).sum().item<double>(); };
  return {mean(r + 0 * c), mean(c + 0 * r), mean(r * r + 0 * c), mean(c * c + 0 * r), mean(r * c)};
}

TEST(BlurKernel, GaussianHasItsStdAndNoShift) {
  for (const bool even : {false, true}) {
    const at::Tensor kernel = kernel_of(R"({"shape": "gaussian", "std_px": 2.5})", even);
    EXPECT_EQ(kernel.size(0) % 2, even ? 0 : 1);
    const auto m = moments_of(kernel);
    EXPECT_NEAR(kernel.sum().item<double>(), 1, 1e-12);
    EXPECT_NEAR(m.row, 0, 1e-12);
    // Cut at 4 std, which takes 2 (4 phi(4) + Q(4)) = 0.0011 of the variance.
    EXPECT_NEAR(m.row_variance / (2.5 * 2.5), 1, 0.0015);
    EXPECT_NEAR(m.column_variance, m.row_variance, 1e-12);
  }
}

TEST(BlurKernel, DiskHasTheVarianceOfADisk) {
  const auto m = moments_of(kernel_of(R"({"shape": "disk", "radius_px": 4})"));
  EXPECT_NEAR(m.row, 0, 1e-12);
  // R²/4 of the disk plus 1/12 of the pixel, up to the 16 x 16 points that stand for a pixel's coverage.
  EXPECT_NEAR(m.row_variance, 4 + 1.0 / 12, 0.01 * 4);
}

TEST(BlurKernel, MotionLiesAlongItsDirection) {
  const auto level = moments_of(kernel_of(R"({"shape": "motion", "length_px": 10, "angle_deg": 0})"));
  EXPECT_NEAR(level.row_variance, 0, 1e-12);
  EXPECT_NEAR(level.column_variance, 100.0 / 12 + 1.0 / 6, 0.05);  // the path, and the sharing between two pixels
  const auto steep = moments_of(kernel_of(R"({"shape": "motion", "length_px": 10, "angle_deg": 45})"));
  EXPECT_LT(steep.covariance, -3);  // anticlockwise: up (smaller rows) to the right
  EXPECT_NEAR(steep.row, 0, 1e-12);
}

void expect_usage_error(const std::string& json, const std::string& expected_words) {
  try {
    build_operator(json, {{1, 16, 16}, ScalarKind::real});
    FAIL() << "no error for " << json;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find(expected_words), std::string::npos) << error.what();
  }
}

TEST(BlurKernel, RefusesWhatCannotBe) {
  expect_usage_error(R"({"type": "blur", "shape": "array"})", "no kernel");
  expect_usage_error(R"({"type": "blur", "shape": "motion", "length_px": 40})", "no larger than the 16 x 16 image");
  expect_usage_error(R"({"type": "blur", "kernel": [[1, -1]], "normalize": true})", "set normalize to false");
  expect_usage_error(R"({"type": "blur", "kernel": [1, 2]})", "expected a kernel [height, width]");
  expect_usage_error(R"({"type": "blur", "kernel": [[1]], "shape": "disk"})", "go together");
  expect_usage_error(R"({"type": "blur", "std_px": 0})", "std_px");
  expect_usage_error(R"({"type": "blur", "sigma": 2})", "unknown key 'sigma'");
  const auto difference =
      build_operator(R"({"type": "blur", "kernel": [[1, -1]], "normalize": false})", {{1, 16, 16}, ScalarKind::real});
  EXPECT_EQ(difference->apply(at::ones({1, 1, 16, 16}, at::kDouble)).abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace recon
