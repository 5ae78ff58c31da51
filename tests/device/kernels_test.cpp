// What the threads of a GPU compute for NUFFT and projections, entry by entry, against the loops of the CPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numbers>

#include "operators/mri/gridding.h"
#include "operators/tomography/fan_projector.h"
#include "operators/tomography/strip_projector.h"
#include "tests/device/device_support.h"

namespace recon::test {
namespace {

/// Sums of some hundred terms in another order, and 1e-6 of them where a rounding moves a float32.
double rounding(at::ScalarType type) { return type == at::kDouble || type == at::kComplexDouble ? 1e-13 : 1e-5; }

/// Images as a batch of two with channels: planes that fill no group of threads.
at::Tensor images(std::int64_t height, std::int64_t width, ScalarKind scalar, at::ScalarType type) {
  return drawn({{3, height, width}, scalar}, 2, type);
}

class GriddingOnTheDevice : public testing::TestWithParam<double> {};

TEST_P(GriddingOnTheDevice, EqualsTheCpuForSamplesAnywhere) {
  const std::int64_t height = 20, width = 17, count = 300;
  // Beyond the edges, where lines come back at the other end, many on one spot, and everywhere between.
  const at::Tensor unit = Rng(3, "positions").uniform({StreamKey{}}, 0, {{count, 2}, ScalarKind::real})[0];
  const at::Tensor positions = (unit - 0.5) * at::tensor({1.0 * height, 1.0 * width}, at::kDouble);
  positions.narrow(0, 0, 40).zero_();
  positions[40].copy_(at::tensor({-0.5 * height, 0.5 * width}, at::kDouble));
  positions[41].copy_(at::tensor({0.5 * height, -0.5 * width}, at::kDouble));
  const Gridding gridding({height, width}, positions, GetParam(), 2);
  for (const auto type : {at::kFloat, at::kDouble}) {
    for (const auto scalar : {ScalarKind::real, ScalarKind::complex}) {
      const at::Tensor x = images(height, width, scalar, type);
      EXPECT_LT(difference(gridding.apply(there(x)), gridding.apply(x)), rounding(type));
    }
    const at::Tensor y = drawn({{3, count}, ScalarKind::complex}, 2, type);
    EXPECT_LT(difference(gridding.adjoint(there(y)), gridding.adjoint(y)), rounding(type));
    EXPECT_LT(difference(gridding.adjoint(there(y.conj())), gridding.adjoint(y.conj())), rounding(type)) << "lazily";
  }
}
// Kernels of 4, 5, 7 and 11 lines: two in the middle, and near the narrowest and the widest.
INSTANTIATE_TEST_SUITE_P(Accuracies, GriddingOnTheDevice, testing::Values(1e-3, 1e-4, 1e-6, 1e-9));

template <class Projector>
void expect_equal_projections(const Projector& projector) {
  const auto& beam = projector.beam();
  for (const auto type : {at::kFloat, at::kDouble}) {
    const at::Tensor x = images(beam.height, beam.width, ScalarKind::real, type);
    const at::Tensor y = images(std::ssize(beam.angles_rad), beam.bins, ScalarKind::real, type);
    EXPECT_LT(difference(projector.project(there(x)), projector.project(x)), rounding(type));
    EXPECT_LT(difference(projector.back_project(there(y)), projector.back_project(y)), rounding(type));
  }
}

/// All around, and the angles at which rays run along rows, columns and diagonals.
std::vector<double> angles() {
  std::vector<double> all;
  for (int k = 0; k < 8; ++k) all.push_back(k * std::numbers::pi / 4);
  for (int k = 0; k < 20; ++k) all.push_back(0.1 + k * 0.317);
  return all;
}

TEST(ParallelBeamsOnTheDevice, EqualTheCpu) {
  for (const auto& [height, width] : {std::pair{16, 16}, std::pair{9, 23}}) {
    for (const double bin_px : {0.4, 1.0, 3.7, 60.0}) {
      for (const double offset : {0.0, 2.3, -40.0}) {  // the last sees nothing of some views
        SCOPED_TRACE(fmt::format("{} x {}, bins of {} pixels, axis at {}", height, width, bin_px, offset));
        expect_equal_projections(StripProjector({.height = height,
                                                 .width = width,
                                                 .angles_rad = angles(),
                                                 .bins = 13,
                                                 .bin_px = bin_px,
                                                 .axis_offset_px = offset}));
      }
    }
  }
}

TEST(FanBeamsOnTheDevice, EqualTheCpu) {
  for (const auto detector : {FanDetector::flat, FanDetector::arc}) {
    for (const auto& [height, width] : {std::pair{16, 16}, std::pair{9, 23}}) {
      for (const double source : {12.4, 30.0, 1000.0}) {  // just outside of the corner to nearly parallel
        for (const double bin_px : {0.6, 2.5, 40.0}) {
          SCOPED_TRACE(
              fmt::format("{}, {} x {}, source at {}, bins of {}", to_string(detector), height, width, source, bin_px));
          expect_equal_projections(FanProjector({.height = height,
                                                 .width = width,
                                                 .angles_rad = angles(),
                                                 .bins = 41,
                                                 .bin_px = bin_px,
                                                 .axis_offset_px = 0.7,
                                                 .source_px = source,
                                                 .detector_px = 1.5 * source,
                                                 .detector = detector}));
        }
      }
    }
  }
}

TEST(ProjectionsOnTheDevice, TakeOneKernelEachAndNeverTheHost) {
  if (!counts_are_known()) GTEST_SKIP() << "another device is tested";
  const StripProjector projector({.height = 16, .width = 16, .angles_rad = angles(), .bins = 20});
  const at::Tensor x = there(images(16, 16, ScalarKind::real, at::kFloat)), y = projector.project(x);
  const NoHostReads watched;
  const DeviceCounts counts = counts_of([&] {
    projector.project(x);
    projector.back_project(y);
  });
  EXPECT_EQ(counts.launches, 6) << "a kernel each, and two empty tensors, for which a GPU has nothing to do";
  EXPECT_EQ(counts.host_reads, 0);
  EXPECT_EQ(counts.uploads, 0) << "the views are there since the first projection";
}

TEST(GriddingOnTheDeviceCounts, NothingComesToTheHost) {
  if (!counts_are_known()) GTEST_SKIP() << "another device is tested";
  const at::Tensor positions = at::tensor({0.0, 0.5, 3.2, -4.0, 2.0, 1.0}, at::kDouble).view({3, 2});
  const Gridding gridding({12, 12}, positions, 1e-4, 2);
  const at::Tensor x = there(images(12, 12, ScalarKind::complex, at::kFloat)), y = gridding.apply(x);
  gridding.adjoint(y);
  const NoHostReads watched;
  const DeviceCounts counts = counts_of([&] {
    gridding.apply(x);
    gridding.adjoint(y);
  });
  EXPECT_EQ(counts.host_reads, 0);
  EXPECT_EQ(counts.uploads, 0);
}

}  // namespace
}  // namespace recon::test
