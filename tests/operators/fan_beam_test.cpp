// Fan beams against closed forms: the chords of a disc, parallel beams as the source goes far away, one pixel's mass.
#include "operators/tomography/fan_projector.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numbers>

#include "operators/tomography/radon.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

constexpr double half_turn = std::numbers::pi;

/// A disc around (x, y), y upward, each pixel holding its share of it (by 16 x 16 points).
at::Tensor disc_of(std::int64_t height, std::int64_t width, double x, double y, double radius) {
  const auto axis = [](std::int64_t n) {
    return (at::arange(16 * n, at::kDouble) + 0.5) / 16 - 0.5 * static_cast<double>(n);
  };
  const at::Tensor inside =
      ((axis(width) - x).square() + (-axis(height).unsqueeze(1) - y).square() <= radius * radius).to(at::kDouble);
  return inside.view({height, 16, width, 16}).mean(at::IntArrayRef{1, 3}).view({1, 1, height, width});
}

struct Scan {
  const char* options;
  FanDetector detector;
  double source, detector_px, bin, offset;
};

// Off centre, so that signs and axes count; magnified; with the axis beside the detector's middle.
TEST(FanBeam, ProjectsADiscAsItsChords) {
  const std::int64_t height = 60, width = 72, views = 16;
  const double radius = 14, x = 9.3, y = 6.1;
  const at::Tensor image = disc_of(height, width, x, y, radius);
  const Scan scans[] = {
      {R"("source_px": 90, "detector_px": 140, "bin_px": 2)", FanDetector::flat, 90, 140, 2, 0},
      {R"("source_px": 70, "detector": "arc", "axis_offset_px": 3.5)", FanDetector::arc, 70, 70, 1, 3.5}};
  for (const Scan& scan : scans) {
    const auto op = build_linear(
        fmt::format(R"({{"type": "radon", "angles": 16, "range_deg": 360, "first_deg": 7, {}}})", scan.options),
        {{1, height, width}, ScalarKind::real});
    const at::Tensor sinogram = op->apply(image)[0][0];
    const std::int64_t bins = sinogram.size(1);
    double worst = 0, squares = 0;
    for (std::int64_t k = 0; k < views; ++k) {
      const double a = (7 + 360.0 * static_cast<double>(k) / views) * half_turn / 180;
      for (std::int64_t j = 0; j < bins; ++j) {
        double exact = 0;  // the average over 64 rays
        for (int ray = 0; ray < 64; ++ray) {
          const double place = static_cast<double>(j) - 0.5 * static_cast<double>(bins) + (ray + 0.5) / 64;
          const double u = place * scan.bin - scan.offset;
          const double angle =
              scan.detector == FanDetector::arc ? u / scan.detector_px : std::atan(u / scan.detector_px);
          // The ray from the source; its distance from the disc's middle.
          const double dx = std::sin(angle) * std::cos(a) - std::cos(angle) * std::sin(a);
          const double dy = std::sin(angle) * std::sin(a) + std::cos(angle) * std::cos(a);
          const double px = x - scan.source * std::sin(a), py = y + scan.source * std::cos(a);
          const double distance = px * dy - py * dx;
          exact += 2 * std::sqrt(std::max(0.0, radius * radius - distance * distance)) / 64;
        }
        const double error = sinogram[k][j].item<double>() - exact;
        worst = std::max(worst, std::abs(error));
        squares += error * error;
      }
    }
    // As for parallel beams (radon_test.cpp): pixels smear the edge.
    EXPECT_LT(worst, 1.5) << scan.options;
    EXPECT_LT(std::sqrt(squares / static_cast<double>(views * bins)), 0.25) << scan.options;
  }
}

// From far away rays are parallel: u = t, and the shadow is StripProjector's. What is left is of the order of the
// image's size over the distance.
TEST(FanBeam, FromFarAwayItIsTheParallelBeam) {
  const TensorSpec image{{2, 20, 17}, ScalarKind::real};
  const at::Tensor x = Rng(3, "fan").normal({{0, 0}}, 0, image, at::kDouble);
  const std::string common = R"("angles": 9, "range_deg": 360, "bins": 31, "bin_px": 0.9, "axis_offset_px": 1.2)";
  const auto parallel = build_linear(fmt::format(R"({{"type": "radon", {}}})", common), image)->apply(x);
  for (const char* detector : {"flat", "arc"}) {
    const auto fan = build_linear(
        fmt::format(R"({{"type": "radon", {}, "source_px": 1e7, "detector": "{}"}})", common, detector), image);
    EXPECT_LT((fan->apply(x) - parallel).abs().max().item<double>(), 1e-4) << detector;
  }
}

// A pixel casts its area, magnified: the integral of its shadow over the detector is 1 times detector over depth, but
// for second order in the pixel over the distance.
TEST(FanBeam, APixelKeepsItsMass) {
  const TensorSpec image{{1, 1, 1}, ScalarKind::real};
  for (const double degrees : {0.0, 17.0, 45.0, 90.0, 200.0}) {
    const auto op = build_linear(
        fmt::format(R"({{"type": "radon", "angle_list_deg": [{}], "source_px": 50, "detector_px": 80, "bins": 21,
                         "bin_px": 0.5}})",
                    degrees),
        image);
    EXPECT_NEAR(op->apply(at::ones({1, 1, 1, 1}, at::kDouble)).sum().item<double>() * 0.5, 80.0 / 50, 5e-4) << degrees;
  }
}

TEST(FanBeam, RadiansAreDegrees) {
  const TensorSpec image{{1, 9, 9}, ScalarKind::real};
  const at::Tensor x = Rng(5, "fan").normal({{0, 0}}, 0, image, at::kDouble);
  const auto degrees = build_linear(R"({"type": "radon", "angle_list_deg": [0, 90, 45]})", image)->apply(x);
  const auto radians =
      build_linear(R"({"type": "radon", "angle_list_rad": [0, 1.5707963267948966, 0.7853981633974483]})", image)
          ->apply(x);
  EXPECT_TRUE(at::allclose(degrees, radians, 1e-12, 1e-12));
}

TEST(FanBeam, WhatCannotBeIsRefused) {
  const TensorSpec image{{1, 30, 40}, ScalarKind::real};
  const auto refused = [&](const std::string& options) {
    try {
      build_linear(R"({"type": "radon", )" + options + "}", image);
    } catch (const Error& error) {
      return error.kind() == ErrorKind::usage;
    }
    return false;
  };
  EXPECT_TRUE(refused(R"("source_px": 20)")) << "within the image's circle";
  EXPECT_TRUE(refused(R"("detector_px": 20)")) << "of parallel beams";
  EXPECT_TRUE(refused(R"("detector": "arc")"));
  EXPECT_TRUE(refused(R"("angle_list_rad": [[1]])"));
  EXPECT_TRUE(refused(R"("angle_list_rad": [1], "angle_list_deg": [1])"));
  EXPECT_FALSE(refused(R"("source_px": 26)"));
}

}  // namespace
}  // namespace recon
