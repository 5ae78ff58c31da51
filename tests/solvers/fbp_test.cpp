#include "recon/solvers/classical/fbp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

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
