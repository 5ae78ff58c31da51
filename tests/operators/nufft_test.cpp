// The non-uniform transform against the sum that defines it, at its stated accuracy, and its composition with coils.
#include "operators/mri/nufft.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/approximate_normal.h"
#include "operators/fourier/fft.h"
#include "operators/mri/coil_maps.h"
#include "operators/mri/gridding.h"
#include "operators/mri/trajectory.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

at::Tensor draw(const Shape& shape, ScalarKind scalar, std::uint32_t step = 0) {
  return Rng(29, "nufft_test").normal({StreamKey{}}, step, {shape, scalar}, at::kDouble)[0];
}

/// Uniform in [-H/2, H/2] x [-W/2, W/2].
at::Tensor random_positions(std::int64_t count, std::int64_t height, std::int64_t width) {
  const at::Tensor unit = Rng(3, "positions").uniform({StreamKey{}}, 0, {{count, 2}, ScalarKind::real})[0] - 0.5;
  return unit * at::tensor({static_cast<double>(height), static_cast<double>(width)}, at::kDouble);
}

/// exp(-2 pi i k r / n) for positions k and pixels r - n / 2, [samples, n].
at::Tensor phases(const at::Tensor& k, std::int64_t n) {
  const at::Tensor r = at::arange(n, at::kDouble) - static_cast<double>(n / 2);
  const at::Tensor angle = k.unsqueeze(1) * r * (-2 * M_PI / static_cast<double>(n));
  return at::polar(at::ones_like(angle), angle);
}

/// The direct sum over all pixels, x [H, W] -> [samples].
at::Tensor direct(const at::Tensor& x, const at::Tensor& positions) {
  const std::int64_t height = x.size(0), width = x.size(1);
  const at::Tensor rows = phases(positions.select(1, 0), height), columns = phases(positions.select(1, 1), width);
  return (at::matmul(rows, x) * columns).sum(1) / std::sqrt(static_cast<double>(height * width));
}

double length_of(const at::Tensor& x) { return std::sqrt(x.abs().square().sum().item<double>()); }

struct Accuracy {
  double accuracy, oversampling;
};
void PrintTo(const Accuracy& tested, std::ostream* out) { *out << tested.accuracy << " x" << tested.oversampling; }
class NufftAccuracy : public testing::TestWithParam<Accuracy> {};

TEST_P(NufftAccuracy, HoldsAgainstTheDirectSumAtAThousandRandomPoints) {
  const auto [accuracy, oversampling] = GetParam();
  for (const auto& [height, width] : {std::pair{64, 64}, std::pair{33, 48}}) {
    const at::Tensor positions = random_positions(1000, height, width), x = draw({height, width}, ScalarKind::complex);
    const Gridding gridding({height, width}, positions, accuracy, oversampling);
    const at::Tensor exact = direct(x, positions);
    const double error = length_of(gridding.apply(x) - exact) / length_of(exact);
    EXPECT_LT(error, accuracy) << height << " x " << width;
    EXPECT_GT(error, accuracy * 1e-4) << "far better than asked for: the kernel is too wide";
    const at::Tensor y = draw({1000}, ScalarKind::complex, 1);
    const at::Tensor back = at::matmul(phases(positions.select(1, 0), height).conj().t(),
                                       y.unsqueeze(1) * phases(positions.select(1, 1), width).conj()) /
                            std::sqrt(static_cast<double>(height * width));
    EXPECT_LT(length_of(gridding.adjoint(y) - back) / length_of(back), accuracy);
    // <A x, y> = <x, A^H y>: the same weights, so up to rounding, well below the 1e-6 that is promised.
    const auto left = (gridding.apply(x).conj() * y).sum(), right = (x.conj() * gridding.adjoint(y)).sum();
    EXPECT_LT(at::abs(left - right).item<double>(), 1e-12 * length_of(x) * length_of(y));
  }
}
std::string accuracy_name(const testing::TestParamInfo<Accuracy>& tested) {
  return fmt::format("digits{:.0f}_grid{:.0f}", -100 * std::log10(tested.param.accuracy),
                     100 * tested.param.oversampling);
}
INSTANTIATE_TEST_SUITE_P(Digits, NufftAccuracy,
                         testing::Values(Accuracy{1e-3, 2}, Accuracy{1e-4, 2}, Accuracy{1e-5, 2}, Accuracy{1e-6, 2},
                                         Accuracy{1e-3, 1.5}, Accuracy{1e-6, 1.5}, Accuracy{1e-9, 2},
                                         // The least that widths of 4, 6 and 5 are used for.
                                         Accuracy{7e-4, 2}, Accuracy{8.3e-6, 2}, Accuracy{5.9e-4, 1.5}),
                         accuracy_name);

TEST(Nufft, WholePositionsAreTheGridOfTheFourierTransform) {
  const at::Tensor x = draw({12, 9}, ScalarKind::complex);
  const at::Tensor rows = at::arange(12, at::kDouble) - 6, columns = at::arange(9, at::kDouble) - 4;
  const at::Tensor positions = at::stack({rows.repeat_interleave(9), columns.repeat({12})}, 1);
  const at::Tensor y = Gridding({12, 9}, positions, 1e-6, 2).apply(x);
  EXPECT_LT(length_of(y - fft2_centred(x).flatten()) / length_of(y), 1e-6);
}

TEST(Nufft, SinglePrecisionKeepsFiveDigitsAndDigitsDoNotDependOnTheBatch) {
  const at::Tensor positions = random_positions(500, 32, 32), x = draw({3, 32, 32}, ScalarKind::complex);
  const Gridding gridding({32, 32}, positions, 1e-5, 2);
  const at::Tensor single = gridding.apply(x.to(at::kComplexFloat));
  // Rounding: 2^-24 over sums of some thousand terms of random sign, sqrt(n) 2^-24 < 1e-5.
  EXPECT_LT(length_of(single.to(at::kComplexDouble) - gridding.apply(x)) / length_of(single), 1e-5);
  EXPECT_TRUE(at::equal(single[1], gridding.apply(x[1].to(at::kComplexFloat))));
}

TEST(Nufft, ToeplitzNormalEqualsTheGriddedOne) {
  const TensorSpec image{{2, 20, 15}, ScalarKind::complex};
  const at::Tensor positions = random_positions(700, 20, 15), x = draw({1, 2, 20, 15}, ScalarKind::complex);
  const auto gridded = make_nufft(image, positions, {.accuracy = 1e-6}, "random");
  const auto toeplitz = make_nufft(image, positions, {.accuracy = 1e-6, .toeplitz = true}, "random");
  const at::Tensor expected = gridded->normal(x);
  EXPECT_LT(length_of(toeplitz->normal(x) - expected) / length_of(expected), 2e-6);
  EXPECT_GT(length_of(toeplitz->normal(x) - expected), 0) << "the other way of computing it was not taken";
}

TEST(Nufft, ToeplitzNormalOfCoilsEqualsTheGriddedOne) {
  for (const Shape& size : {Shape{20, 15}, Shape{17, 32}}) {
    for (const ScalarKind scalar : {ScalarKind::complex, ScalarKind::real}) {
      const TensorSpec image{{1, size[0], size[1]}, scalar};
      const std::string options = R"({"type": "nufft", "spokes": 9, "readout": 40, "coils": 5, "accuracy": 1e-7)";
      const auto gridded = build_linear(options + "}", image);
      const auto toeplitz = build_linear(options + R"(, "toeplitz": true})", image);
      const at::Tensor x = draw({3, 1, size[0], size[1]}, scalar), expected = gridded->normal(x);
      EXPECT_EQ(normal_error_of(*gridded), 0);
      EXPECT_LT(length_of(toeplitz->normal(x) - expected) / length_of(expected), normal_error_of(*toeplitz));
      EXPECT_LT(normal_error_of(*toeplitz), 3e-7);
      EXPECT_GT(length_of(toeplitz->normal(x) - expected), 0) << "the other way of computing it was not taken";
      const at::ScalarType single = scalar == ScalarKind::complex ? at::kComplexFloat : at::kFloat;
      EXPECT_LT(length_of(toeplitz->normal(x.to(single)).to(expected.scalar_type()) - expected) / length_of(expected),
                1e-6);
    }
  }
}

TEST(Nufft, ComposesWithCoilMaps) {
  const TensorSpec image{{1, 16, 16}, ScalarKind::complex};
  const auto op = build_linear(R"({"type": "nufft", "spokes": 9, "coils": 5, "accuracy": 1e-6})", image);
  const at::Tensor maps = simulated_coil_maps(image, 5)[0], x = draw({1, 16, 16}, ScalarKind::complex);
  const at::Tensor y = op->apply(x.unsqueeze(0))[0];
  EXPECT_EQ(y.sizes(), (std::vector<std::int64_t>{5, 9 * 32}));
  const Trajectory trajectory{.positions = {}, .spokes = 9};
  for (std::int64_t c = 0; c < 5; ++c) {
    const at::Tensor exact = direct(maps[c] * x[0], trajectory.on(image, "test"));
    EXPECT_LT(length_of(y[c] - exact) / length_of(exact), 1e-6);
  }
}

TEST(Trajectories, LieWhereTheySay) {
  const TensorSpec image{{1, 40, 20}, ScalarKind::complex};
  const at::Tensor radial = Trajectory{.positions = {}, .spokes = 2, .readout = 8}.on(image, "test");
  ASSERT_EQ(radial.sizes(), (std::vector<std::int64_t>{16, 2}));
  EXPECT_NEAR(radial[0][1].item<double>(), -10, 1e-12);  // angle 0 runs along the columns' axis, from the left edge
  EXPECT_NEAR(radial[0][0].item<double>(), 0, 1e-12);
  EXPECT_NEAR(radial[4].abs().max().item<double>(), 0, 1e-12);  // the centre
  EXPECT_NEAR(radial[8][0].item<double>(), -20, 1e-12);         // the second spoke runs along the rows' axis
  const Trajectory spiral{
      .positions = {}, .pattern = TrajectoryPattern::spiral, .interleaves = 3, .turns = 2, .readout = 100};
  const at::Tensor points = spiral.on(image, "test");
  ASSERT_EQ(points.size(0), 300);
  const at::Tensor radius = (points / at::tensor({40.0, 20.0}, at::kDouble)).square().sum(1).sqrt();
  EXPECT_NEAR(radius[99].item<double>(), 0.5 * std::sqrt(0.99), 1e-12);
  EXPECT_NEAR(radius[125].item<double>(), 0.25, 1e-12);  // a quarter of the time: half the radius
}

TEST(Trajectories, PositionsOutsideAreRefused) {
  try {
    build_operator(R"({"type": "nufft", "positions": [[0, 0], [3, 8.5]]})", {{1, 16, 16}, ScalarKind::real});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "test: positions: expected cycles per field of view, at most 8 and 8, found up to 3 and 8.5");
  }
}

}  // namespace
}  // namespace recon
