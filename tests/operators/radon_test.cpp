// Projections against closed forms (discs, rectangles), and filtered back-projection as the inverse of them.
#include "operators/tomography/radon.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <numbers>

#include "operators/algebra.h"
#include "operators/inverse_filter.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

constexpr double pi = std::numbers::pi;

/// Pixel coordinates of the convention: x right, y up, the origin in the middle of the image.
struct Grid {
  at::Tensor x, y;
  explicit Grid(std::int64_t height, std::int64_t width, std::int64_t points = 1) {
    const auto axis = [points](std::int64_t n) {
      const at::Tensor i = at::arange(n * points, at::kDouble);
      return (i + 0.5) / static_cast<double>(points) - 0.5 * static_cast<double>(n);
    };
    x = axis(width).unsqueeze(0);
    y = -axis(height).unsqueeze(1);
  }
};

/// A disc, each pixel holding its share of it (by 16 x 16 points).
at::Tensor disc(std::int64_t height, std::int64_t width, double x, double y, double radius) {
  const Grid grid(height, width, 16);
  const at::Tensor inside = ((grid.x - x).square() + (grid.y - y).square() <= radius * radius).to(at::kDouble);
  return inside.view({height, 16, width, 16}).mean(at::IntArrayRef{1, 3}).view({1, 1, height, width});
}

/// Integral of the chord length 2 sqrt(R² - t²) from the left end of the disc to t.
double area_left_of(double t, double radius) {
  const double c = std::clamp(t / radius, -1.0, 1.0);
  return radius * radius * (pi / 2 + std::asin(c) + c * std::sqrt(1 - c * c));
}

TEST(Radon, ProjectsADiscAsItsChords) {
  const std::int64_t height = 60, width = 72;
  const double radius = 14, x = 9.3, y = 6.1, bin = 1.5, offset = 2.0;  // off centre, so that signs and axes count
  const auto op =
      build_linear(R"({"type": "radon", "angles": 16, "first_deg": 7, "bin_px": 1.5, "axis_offset_px": 2.0})",
                   {{1, height, width}, ScalarKind::real});
  const at::Tensor sinogram = op->apply(disc(height, width, x, y, radius))[0][0];
  const std::int64_t bins = sinogram.size(1);
  double worst = 0, squares = 0;
  for (std::int64_t k = 0; k < 16; ++k) {
    const double angle = (7 + 180.0 * static_cast<double>(k) / 16) * pi / 180;
    const double middle = x * std::cos(angle) + y * std::sin(angle);
    for (std::int64_t j = 0; j < bins; ++j) {
      const double t = (static_cast<double>(j) - 0.5 * static_cast<double>(bins - 1)) * bin - offset - middle;
      const double exact = (area_left_of(t + bin / 2, radius) - area_left_of(t - bin / 2, radius)) / bin;
      const double error = sinogram[k][j].item<double>() - exact;
      worst = std::max(worst, std::abs(error));
      squares += error * error;
    }
  }
  // Pixels smear the edge by up to half a diagonal, 0.7 px. The chord has the slope of a square root there, so a bin at
  // the very edge, where the chord is sqrt(2 R 0.7) = 4.4 on average over the smear, may err by a fraction of that; the
  // bins elsewhere err in second order. Relative to the chord's rms of 20: well below 2 %.
  EXPECT_LT(worst, 1.5);
  EXPECT_LT(std::sqrt(squares / static_cast<double>(16 * bins)), 0.25);
}

TEST(Radon, SumsColumnsAtZeroAndRowsAtNinetyDegrees) {
  const TensorSpec image{{2, 5, 7}, ScalarKind::real};
  const at::Tensor x = Rng(3, "radon_test").normal({{0, 0}}, 0, image, at::kDouble);
  const auto columns = build_linear(R"({"type": "radon", "angle_list_deg": [0, 180], "bins": 7})", image)->apply(x);
  EXPECT_TRUE(at::allclose(columns.select(2, 0), x.sum(2), 0, 1e-12));
  EXPECT_TRUE(at::allclose(columns.select(2, 1), x.sum(2).flip(-1), 0, 1e-12));
  // y points up: the first bin of 90 degrees (t < 0) sees the lowest row.
  const auto rows = build_linear(R"({"type": "radon", "angle_list_deg": [90], "bins": 5})", image)->apply(x);
  EXPECT_TRUE(at::allclose(rows.select(2, 0), x.sum(3).flip(-1), 0, 1e-12));
}

/// Share of the unit square around the origin with x cos a + y sin a <= t: by 400 x 400 points.
double share_below(double t, double angle) {
  const Grid grid(1, 1, 400);
  return (grid.x * std::cos(angle) + grid.y * std::sin(angle) <= t).to(at::kDouble).mean().item<double>();
}

TEST(Radon, WeighsAPixelByItsAreaInTheStrip) {
  const TensorSpec image{{1, 1, 1}, ScalarKind::real};
  for (const double degrees : {0.0, 17.0, 45.0, 71.0, 90.0, 163.0}) {
    for (const double bin : {0.3, 1.0, 2.2}) {
      const auto op = build_linear(
          fmt::format(R"({{"type": "radon", "angle_list_deg": [{}], "bin_px": {}, "bins": 9}})", degrees, bin), image);
      const at::Tensor weights = op->apply(at::ones({1, 1, 1, 1}, at::kDouble)).flatten();
      for (std::int64_t j = 0; j < 9; ++j) {
        const double left = (static_cast<double>(j) - 4.5) * bin, angle = degrees * pi / 180;
        const double area = share_below(left + bin, angle) - share_below(left, angle);
        // Points on a line of the lattice count as one: at most two lines of 1/400 of the area.
        EXPECT_NEAR(weights[j].item<double>() * bin, area, 2.0 / 400 + 1e-9) << degrees << " " << bin << " " << j;
      }
      EXPECT_NEAR(weights.sum().item<double>() * bin, 1, 1e-12);
    }
  }
}

TEST(Radon, DoesNotDependOnTheNumberOfThreadsOrTheBatch) {
  const TensorSpec image{{1, 33, 20}, ScalarKind::real};
  const auto op = build_linear(R"({"type": "radon", "angles": 11})", image);
  const at::Tensor x = Rng(4, "radon_test").normal({{0, 0}, {1, 0}}, 0, image, at::kFloat);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor alone = op->apply(x), back = op->adjoint(alone);
  at::set_num_threads(4);
  EXPECT_TRUE(at::equal(op->apply(x), alone));
  EXPECT_TRUE(at::equal(op->adjoint(alone), back));
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(op->apply(x.narrow(0, 1, 1)), alone.narrow(0, 1, 1)));
  EXPECT_TRUE(at::equal(op->adjoint(alone.narrow(0, 1, 1)), back.narrow(0, 1, 1)));
}

double all_pass(double, double) { return 1; }

/// Mean of A^H F A (disc) well inside the disc.
double plateau(const std::string& options, double factor = 1) {
  const std::int64_t n = 64;
  const auto radon = build_linear(R"({"type": "radon", )" + options + "}", {{1, n, n}, ScalarKind::real});
  const auto op = as_linear(scaled(radon, factor), "test");
  const at::Tensor image = disc(n, n, 3, -2, 20), inner = disc(n, n, 3, -2, 14) == 1;
  const at::Tensor back = op->adjoint(inverse_filter_of(*op, all_pass)(op->apply(image)));
  return back.masked_select(inner).mean().item<double>();
}

TEST(Radon, TheRampFilterRestoresTheLevelWhateverTheUnits) {
  // The discrete ramp is exact for the mean; sampling in angle and detector leaves per mille.
  for (const char* options :
       {R"("angles": 100)", R"("angles": 150, "range_deg": 360)", R"("angles": 100, "bin_px": 0.6)",
        R"("angles": 100, "bin_px": 1.8, "axis_offset_px": 5)"}) {
    EXPECT_NEAR(plateau(options), 1, 0.01) << options;
  }
  EXPECT_NEAR(plateau(R"("angles": 100)", 7.5), plateau(R"("angles": 100)"), 1e-10);
  EXPECT_LT(plateau(R"("angles": 100, "range_deg": 90)"), 0.7);  // half of the views are not there, nor made up
}

TEST(Radon, TheRampFilterSeesThroughWeights) {
  const TensorSpec image{{1, 24, 24}, ScalarKind::real};
  const auto radon = build_linear(R"({"type": "radon", "angles": 30})", image);
  const at::Tensor x = disc(24, 24, 0, 0, 8), y = radon->apply(x);
  const at::Tensor weights = 1 + y / y.max();
  const auto op = as_linear(whitened(radon, weights), "test");
  const at::Tensor expected = radon->adjoint(inverse_filter_of(*radon, all_pass)(y));
  EXPECT_TRUE(at::allclose(op->adjoint(inverse_filter_of(*op, all_pass)(y * weights)), expected, 0, 1e-10));
  const auto cropped =
      compose(radon, crop({{1, 32, 30}, ScalarKind::real}, image));  // what a prior's multiple asks for
  EXPECT_TRUE(at::equal(radon->adjoint(inverse_filter_of(*cropped, all_pass)(y)), expected));
  EXPECT_FALSE(inverse_filter_of(*compose(radon, scaled(build_linear(R"({"type": "identity"})", image), 2)), all_pass));
  EXPECT_FALSE(inverse_filter_of(*build_linear(R"({"type": "identity"})", image), all_pass));
}

TEST(Radon, RefusesWhatCannotBe) {
  const auto message = [](const std::string& json, ScalarKind scalar) -> std::string {
    try {
      build_operator(json, {{1, 8, 8}, scalar});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message(R"({"type": "radon"})", ScalarKind::complex).find("expected a real image"), std::string::npos);
  EXPECT_NE(message(R"({"type": "radon", "angle_list_deg": [[0, 1]]})", ScalarKind::real).find("got an array [1, 2]"),
            std::string::npos);
  EXPECT_NE(message(R"({"type": "radon", "bin_px": 0})", ScalarKind::real).find("bin_px"), std::string::npos);
}

}  // namespace
}  // namespace recon
