#include "recon/solvers/classical/fbp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "operators/algebra.h"
#include "operators/inverse_filter.h"
#include "operators/tomography/radon.h"
#include "recon/core/error.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

LinearOperatorPtr projections(std::int64_t size, std::int64_t views) {
  ParallelBeam beam{.height = size, .width = size, .angles_rad = {}, .bins = 3 * size / 2};
  for (std::int64_t k = 0; k < views; ++k) {
    beam.angles_rad.push_back(std::numbers::pi * static_cast<double>(k) / static_cast<double>(views));
  }
  return make_radon({{1, size, size}, ScalarKind::real}, beam);
}

/// A smooth hill that is dark at the border.
at::Tensor hill(std::int64_t size) {
  const at::Tensor r =
      (at::arange(size, at::kDouble) - 0.47 * static_cast<double>(size)) / (0.15 * static_cast<double>(size));
  const at::Tensor line = (-0.5 * r.square()).exp();
  return (line.unsqueeze(1) * line).view({1, 1, size, size});
}

TEST(Fbp, RestoresASmoothImage) {
  const LinearOperatorPtr op = projections(48, 90);
  const at::Tensor x = hill(48);
  Problem problem{.op = op, .y = op->apply(x), .noise_std = {0.0}, .keys = {{0, 0}}, .image = op->domain()};
  for (const char* window : {"wiener", "ram_lak", "shepp_logan", "cosine", "hamming", "hann"}) {
    Fbp solver;
    solver.window = word(window);
    // A Gaussian of 7 pixels has its spectrum below 0.14 of the highest frequency (at 3 stds), where hann's gain is
    // above 0.95 and, weighted by the spectrum, 0.99.
    EXPECT_LT(largest(solve(solver, problem).x - x), 0.03) << window;
  }
  Fbp narrow;
  narrow.cutoff = 0.02;  // below most of the spectrum
  EXPECT_GT(largest(solve(narrow, problem).x - x), 0.3);
}

LinearOperatorPtr views_at(std::int64_t size, const std::vector<double>& angles_deg) {
  ParallelBeam beam{.height = size, .width = size, .angles_rad = {}, .bins = 3 * size / 2};
  for (const double angle : angles_deg) beam.angles_rad.push_back(angle * std::numbers::pi / 180);
  return make_radon({{1, size, size}, ScalarKind::real}, beam);
}

at::Tensor reconstructed(const LinearOperatorPtr& op, const at::Tensor& x) {
  const Problem problem{.op = op, .y = op->apply(x), .noise_std = {0.0}, .keys = {{0, 0}}, .image = op->domain()};
  return solve(Fbp(), problem).x;
}

// Views a degree apart over a quarter turn and four over the rest: with one weight for all, the brightness is wrong.
TEST(Fbp, UnevenViewsAreWeightedByTheirGaps) {
  std::vector<double> uneven;
  for (int angle = 0; angle < 90; ++angle) uneven.push_back(angle);
  for (int angle = 90; angle < 180; angle += 4) uneven.push_back(angle);
  const at::Tensor x = hill(48);
  EXPECT_LT(largest(reconstructed(views_at(48, uneven), x) - x), 0.03);
}

// A scan of a whole turn sees each direction twice; one that begins anywhere, in any order, is the same scan.
TEST(Fbp, TheOrderAndTheBackOfViewsMakeNoDifference) {
  std::vector<double> half, shuffled;
  for (int k = 0; k < 60; ++k) {
    half.push_back(3.0 * k);
    shuffled.push_back(3.0 * ((7 * k) % 60) + (k % 2 == 0 ? 180 : 0));
  }
  const at::Tensor x = hill(48);
  const at::Tensor expected = reconstructed(views_at(48, half), x);
  EXPECT_LT(largest(reconstructed(views_at(48, shuffled), x) - expected), 1e-9);
}

struct FanScan {
  const char* words;
  FanDetector detector;
  double range_deg, source_px, detector_px, bin_px, offset_px;
};

LinearOperatorPtr fan(std::int64_t size, const FanScan& scan) {
  FanBeam beam{.height = size,
               .width = size,
               .angles_rad = {},
               .bins = 2 * size,
               .bin_px = scan.bin_px,
               .axis_offset_px = scan.offset_px,
               .source_px = scan.source_px,
               .detector_px = scan.detector_px,
               .detector = scan.detector};
  const auto views = static_cast<std::int64_t>(scan.range_deg / 2);
  for (std::int64_t k = 0; k < views; ++k) {
    const double degrees = 31 + scan.range_deg * static_cast<double>(k) / static_cast<double>(views);
    beam.angles_rad.push_back(degrees * std::numbers::pi / 180);
  }
  return make_fan_beam({{1, size, size}, ScalarKind::real}, beam);
}

// A fan's weights: with those of parallel beams the hill, which is beside the axis, is a tenth too bright or more; a
// short scan without Parker's weights counts a part of it twice. Of 48 pixels the source at 60 sees a fan of 69
// degrees.
TEST(Fbp, RestoresASmoothImageFromFans) {
  const at::Tensor x = hill(48);
  for (const FanScan& scan :
       {FanScan{"flat", FanDetector::flat, 360, 60, 110, 2, 0}, FanScan{"arc", FanDetector::arc, 360, 60, 90, 1.5, 2.3},
        FanScan{"far", FanDetector::flat, 360, 1e6, 1e6, 1, 0},
        FanScan{"short flat", FanDetector::flat, 252, 60, 110, 2, 1.7},
        FanScan{"short arc", FanDetector::arc, 252, 60, 90, 1.5, 0},
        FanScan{"between", FanDetector::arc, 300, 60, 90, 1.5, 0}}) {
    const LinearOperatorPtr op = fan(48, scan);
    EXPECT_LT(largest(reconstructed(op, x) - x), 0.03) << scan.words;
    const at::Tensor weights = 1 + 0.5 * normal("weights", op->range()).abs();
    const auto flat = [](double, double) { return 1; };
    const at::Tensor y = op->apply(x), expected = filtered_back_projection_of(*op, flat)(y);
    const OperatorPtr white = whitened(scaled(op, 3), weights);
    EXPECT_LT(largest(filtered_back_projection_of(*white, flat)(3 * y * weights) - expected), 1e-9) << scan.words;
  }
  // Less than a half turn and the fan's angle leaves rays unseen.
  const Problem problem{.op = fan(48, {"half", FanDetector::flat, 200, 60, 110, 2, 0}),
                        .y = at::zeros({1, 1, 100, 96}, at::kDouble),
                        .noise_std = {0.0},
                        .keys = {{0, 0}},
                        .image = {{1, 48, 48}, ScalarKind::real}};
  EXPECT_THROW(solve(Fbp(), problem), Error);
}

TEST(Fbp, WindowsHaveTheirGainAtHalfTheCutoff) {
  // Data of one frequency along the detector: the image is A^H of the same data times ramp and window.
  const LinearOperatorPtr op = projections(16, 4);  // 24 bins
  const at::Tensor y = normal("sinogram", op->range());
  const Problem problem{.op = op, .y = y, .noise_std = {0.0}, .keys = {{0, 0}}, .image = op->domain()};
  const std::vector<std::pair<const char*, std::function<double(double)>>> gains = {
      {"ram_lak", [](double) { return 1.0; }},
      {"shepp_logan",
       [](double u) { return u == 0 ? 1 : std::sin(u * std::numbers::pi / 2) / (u * std::numbers::pi / 2); }},
      {"cosine", [](double u) { return std::cos(u * std::numbers::pi / 2); }},
      {"hamming", [](double u) { return 0.54 + 0.46 * std::cos(u * std::numbers::pi); }},
      {"hann", [](double u) { return 0.5 * (1 + std::cos(u * std::numbers::pi)); }}};
  for (const auto& [window, gain] : gains) {
    for (const double cutoff : {1.0, 0.5}) {
      const auto shape = [&gain = gain, cutoff](double f, double) { return f > cutoff ? 0.0 : gain(f / cutoff); };
      Fbp solver;
      solver.window = word(window);
      solver.cutoff = cutoff;
      const at::Tensor expected = op->adjoint(inverse_filter_of(*op, shape)(y));
      EXPECT_LT(largest(solve(solver, problem).x - expected), 1e-12) << window << " " << cutoff;
    }
  }
}

}  // namespace
}  // namespace recon::test
