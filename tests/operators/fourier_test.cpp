// The Fourier seam against the sum that defines the transform and against at::fft; masks; the plan cache under threads.
#include "operators/fourier/fourier.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "operators/fourier/fft.h"
#include "operators/fourier/fftw_plans.h"
#include "operators/fourier/sampling_patterns.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

at::Tensor draw(const Shape& shape, ScalarKind scalar, at::ScalarType dtype = at::kDouble) {
  return Rng(11, "fourier_test").normal({StreamKey{}}, 0, {shape, scalar}, dtype);
}

double farthest(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

/// The n x n matrix of the centred unitary DFT: exp(-2 pi i (u - n/2)(v - n/2) / n) / sqrt(n).
at::Tensor dft_matrix(std::int64_t n) {
  const at::Tensor index = at::arange(n, at::kDouble) - static_cast<double>(n / 2);
  const at::Tensor angle = index.unsqueeze(1) * index.unsqueeze(0) * (-2 * M_PI / static_cast<double>(n));
  return at::polar(at::ones_like(angle), angle) / std::sqrt(static_cast<double>(n));
}

const std::vector<Shape> sizes{{8, 8}, {7, 9}, {8, 5}, {1, 6}, {13, 32}};

TEST(Fft, EqualsTheDefiningSumForEvenAndOddSizes) {
  for (const auto& size : sizes) {
    const at::Tensor x = draw({2, size[0], size[1]}, ScalarKind::complex);
    const at::Tensor expected = at::matmul(at::matmul(dft_matrix(size[0]), x), dft_matrix(size[1]).t());
    const double bound = 8 * 0x1p-52 * static_cast<double>(size[0] * size[1]);  // the sum's own rounding dominates
    EXPECT_LT(farthest(fft2_centred(x), expected), bound) << to_string(size);
    EXPECT_LT(farthest(ifft2_centred(expected), x), bound) << to_string(size);
    EXPECT_LT(farthest(fft2_centred(at::real(x).contiguous()),
                       fft2_centred(at::complex(at::real(x).contiguous(), at::zeros_like(at::real(x))))),
              bound);
  }
}

// Along D, H and W one after the other: what the definition is.
TEST(Fft, OfVolumesEqualsTheDefiningSum) {
  for (const std::int64_t depth : {1, 4, 5}) {
    const at::Tensor x = draw({2, depth, 7, 8}, ScalarKind::complex)[0];
    const at::Tensor planes = at::matmul(at::matmul(dft_matrix(7), x), dft_matrix(8).t());
    const at::Tensor expected = at::einsum("zd,cdij->czij", {dft_matrix(depth), planes});
    EXPECT_LT(farthest(fft3_centred(x), expected), 1e-13) << depth;
    EXPECT_LT(farthest(ifft3_centred(fft3_centred(x)), x), 1e-13) << depth;
  }
}

TEST(Fft, EqualsAtenInBothPrecisions) {
  const std::vector<std::int64_t> axes{-2, -1};
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const double epsilon = dtype == at::kDouble ? 0x1p-52 : 0x1p-23;
    for (const auto& size : {Shape{64, 64}, Shape{33, 47}, Shape{128, 130}}) {
      const double bound = 8 * epsilon * std::sqrt(static_cast<double>(size[0] * size[1]));
      const at::Tensor z = draw({3, size[0], size[1]}, ScalarKind::complex, dtype);
      const at::Tensor expected = at::fft_fftshift(at::fft_fft2(at::fft_ifftshift(z, axes), {}, axes, "ortho"), axes);
      EXPECT_LT(farthest(fft2_centred(z), expected), bound);
      const at::Tensor x = draw({3, size[0], size[1]}, ScalarKind::real, dtype);
      const at::Tensor half = at::fft_rfft2(x);
      const double sum_bound = bound * std::sqrt(static_cast<double>(size[0] * size[1]));
      EXPECT_LT(farthest(rfft2(x), half), sum_bound);
      EXPECT_LT(farthest(irfft2(rfft2(x), size[1]) / static_cast<double>(size[0] * size[1]), x), bound);
    }
  }
}

TEST(Fft, SeesThroughLazyConjugationAndStrides) {
  const at::Tensor z = draw({1, 12, 10}, ScalarKind::complex);
  EXPECT_LT(farthest(fft2_centred(z.conj()), fft2_centred(z.conj().resolve_conj().clone())), 1e-14);
  EXPECT_LT(farthest(fft2_centred(z.transpose(-1, -2)), fft2_centred(z.transpose(-1, -2).contiguous())), 1e-14);
  EXPECT_GT(farthest(fft2_centred(z.conj()), fft2_centred(z)), 0.1);  // conjugation does matter
}

TEST(Fft, LeavesItsArgumentAlone) {
  const at::Tensor x = draw({2, 9, 14}, ScalarKind::real);
  const at::Tensor z = draw({2, 9, 14}, ScalarKind::complex);
  const at::Tensor x_before = x.clone();
  const at::Tensor z_before = z.clone();
  rfft2(x);
  fft2_centred(z);
  ifft2_centred(z);
  EXPECT_TRUE(at::equal(x, x_before));
  EXPECT_TRUE(at::equal(z, z_before));
}

TEST(Fft, DigitsDoNotDependOnTheBatch) {
  for (const auto& size : {Shape{16, 16}, Shape{9, 7}}) {  // 9 x 7: later images lie at unaligned addresses
    const at::Tensor x = draw({3, size[0], size[1]}, ScalarKind::complex, at::kFloat);
    const at::Tensor together = fft2_centred(x);
    for (std::int64_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(at::equal(together.narrow(1, i, 1), fft2_centred(x.narrow(1, i, 1).clone())));
    }
  }
}

TEST(FftwPlans, AreMadeOnceAndSharedByThreads) {
  const at::Tensor x = draw({1, 24, 18}, ScalarKind::complex);
  const at::Tensor expected = fft2_centred(x);
  const auto before = fftw::plan_count();
  std::vector<std::thread> threads;
  std::vector<double> errors(8, 1.0);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    threads.emplace_back([&, i] {
      double worst = 0;
      for (int round = 0; round < 20; ++round) {
        // A known size and, raced for by all threads, new ones.
        worst = std::max(worst, farthest(fft2_centred(x), expected));
        const at::Tensor fresh = x.narrow(-1, 0, 1 + round % 17);
        worst = std::max(worst, farthest(ifft2_centred(fft2_centred(fresh)), fresh));
      }
      errors[i] = worst;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const double error : errors) EXPECT_LT(error, 1e-13);
  EXPECT_LE(fftw::plan_count() - before, 2 * 2 * 17 + 2);  // direction x alignment x size
  const auto after = fftw::plan_count();
  fft2_centred(x);
  EXPECT_EQ(fftw::plan_count(), after);
}

TEST(Fourier, EqualsTheMaskedDirectTransform) {
  const at::Tensor mask = (at::arange(63, at::kDouble).remainder(3) != 0).to(at::kDouble).view({7, 9});
  for (const auto scalar : {ScalarKind::real, ScalarKind::complex}) {
    const auto op = make_fourier({{2, 7, 9}, scalar}, mask, "every third");
    const at::Tensor x = draw({2, 7, 9}, scalar);
    const at::Tensor z = scalar == ScalarKind::real ? at::complex(x, at::zeros_like(x)) : x;
    const at::Tensor expected = mask * at::matmul(at::matmul(dft_matrix(7), z), dft_matrix(9).t());
    EXPECT_LT(farthest(op->apply(x), expected), 8 * 0x1p-52 * 63);
    EXPECT_EQ(op->measured_components(), 2 * 2 * 42);
    EXPECT_FALSE(op->is_unitary());
  }
  EXPECT_FALSE(make_fourier({{1, 4, 4}, ScalarKind::complex}, at::ones({4, 4}), "full")->support().defined());
}

at::Tensor pattern_of(const std::string& json, std::int64_t height = 64, std::int64_t width = 80) {
  JsonOptions options(json);
  SamplingPatternOptions pattern;
  pattern.visit(options);
  options.finish();
  return pattern.on({{1, height, width}, ScalarKind::real}, "test")[0];
}

// What is sampled of a volume is F of the volume there and nothing elsewhere; a full grid of a real volume is unitary.
TEST(Fourier, OfVolumesIsTheMaskedTransformOfThreeDimensions) {
  const TensorSpec volume{{1, 6, 8, 10}, ScalarKind::complex};
  const at::Tensor mask = draw({6, 8, 10}, ScalarKind::real)[0].gt(0).to(at::kDouble);
  const LinearOperatorPtr op = make_fourier(volume, mask, "array");
  const at::Tensor x = draw(volume.shape, ScalarKind::complex);
  EXPECT_LT(farthest(op->apply(x), mask * fft3_centred(x)), 1e-15);
  EXPECT_EQ(op->measured_components(), 2 * mask.sum().item<std::int64_t>());
  const LinearOperatorPtr full = make_fourier({volume.shape, ScalarKind::real}, at::ones({6, 8, 10}), "full");
  EXPECT_LT(farthest(full->normal(at::real(x).contiguous()), at::real(x)), 1e-13);
  EXPECT_THROW(make_fourier(volume, at::ones({8, 10}), "array"), Error);
}

// Readouts along H: what the plane of the phase encodings decides holds for every line through it.
TEST(SamplingPattern, OfVolumesSamplesWholeReadouts) {
  SamplingPatternOptions pattern;
  pattern.pattern = SamplingPattern::poisson_disc;
  pattern.acceleration = 4;
  const at::Tensor mask = pattern.on({{1, 16, 12, 20}, ScalarKind::complex}, "test");
  ASSERT_EQ(mask.sizes(), (at::IntArrayRef{1, 16, 12, 20}));
  EXPECT_EQ(mask.sum().item<double>(), 12 * 16 * 20 / 4);
  EXPECT_TRUE(at::equal(mask.select(2, 3), pattern.on({{1, 16, 20}, ScalarKind::complex}, "test")));
  EXPECT_TRUE(at::equal(mask.amin({2}), mask.amax({2})));
}

TEST(SamplingPattern, CartesianRandomHasItsAccelerationAndCentre) {
  const at::Tensor mask = pattern_of(R"({"acceleration": 4, "center_lines": 6, "seed": 5})");
  EXPECT_EQ(mask.sum().item<double>(), 20 * 64);  // 80 / 4 whole columns
  EXPECT_EQ(mask.narrow(1, 40 - 3, 6).min().item<double>(), 1);
  EXPECT_TRUE(at::equal(mask[0], mask[63]));
  EXPECT_TRUE(at::equal(mask, pattern_of(R"({"acceleration": 4, "center_lines": 6, "seed": 5})")));
  EXPECT_FALSE(at::equal(mask, pattern_of(R"({"acceleration": 4, "center_lines": 6, "seed": 6})")));
}

TEST(SamplingPattern, EquispacedReachesItsAccelerationWithEvenSteps) {
  const at::Tensor line = pattern_of(R"({"pattern": "cartesian_equispaced", "acceleration": 4, "center_lines": 6})")[0];
  EXPECT_EQ(line.narrow(0, 37, 6).min().item<double>(), 1);
  EXPECT_EQ(line.sum().item<double>(), 20);  // 80 / 4
}

// Width, acceleration and centre at random: the count is what was asked, and no two gaps beside the centre differ by
// more than rounding.
TEST(SamplingPattern, EquispacedHoldsForTwoHundredRandomGrids) {
  std::mt19937 random(21);
  for (int round = 0; round < 200; ++round) {
    const auto width = static_cast<std::int64_t>(16 + random() % 200);
    const double acceleration = 1 + static_cast<double>(random() % 700) / 100;
    SamplingPatternOptions pattern;
    pattern.pattern = SamplingPattern::cartesian_equispaced;
    pattern.acceleration = acceleration;
    pattern.center_lines = static_cast<std::int64_t>(1 + random() % 12);
    const at::Tensor line = pattern.on({{1, 4, width}, ScalarKind::real}, "test")[0][0];
    const auto wanted = std::max(pattern.center_lines,
                                 static_cast<std::int64_t>(std::llround(static_cast<double>(width) / acceleration)));
    ASSERT_EQ(line.sum().item<std::int64_t>(), wanted) << width << " " << acceleration << " " << pattern.center_lines;
    const std::int64_t begin = width / 2 - pattern.center_lines / 2;
    ASSERT_EQ(line.narrow(0, begin, pattern.center_lines).min().item<double>(), 1);
    // Beside the centre, round the edge: where the lines are, counted from the centre's end.
    std::vector<std::int64_t> at;
    for (std::int64_t i = 0; i < width - pattern.center_lines; ++i) {
      if (line[(begin + pattern.center_lines + i) % width].item<double>() == 1) at.push_back(i);
    }
    std::int64_t least = width, most = 0;
    for (std::size_t k = 1; k < at.size(); ++k) {
      least = std::min(least, at[k] - at[k - 1]);
      most = std::max(most, at[k] - at[k - 1]);
    }
    if (at.size() > 1) {
      EXPECT_LE(most - least, 1) << width << " " << acceleration << " " << pattern.center_lines;
    }
  }
}

TEST(SamplingPattern, PoissonDiscHasItsCountItsCentreAndFallingDensity) {
  const at::Tensor mask = pattern_of(R"({"pattern": "poisson_disc", "acceleration": 5, "center_lines": 8, "seed": 2})");
  EXPECT_EQ(mask.sum().item<double>(), 64 * 80 / 5);
  EXPECT_EQ(mask.narrow(0, 28, 8).narrow(1, 36, 8).min().item<double>(), 1);
  const double inner = mask.narrow(0, 16, 32).narrow(1, 20, 40).mean().item<double>();
  EXPECT_GT(inner, 1.5 * mask.mean().item<double>());
  // Discs: away from the centre no two neighbouring positions are both taken.
  const at::Tensor corner = mask.narrow(0, 0, 12).narrow(1, 0, 12);
  EXPECT_EQ((corner.narrow(1, 0, 11) * corner.narrow(1, 1, 11)).sum().item<double>(), 0);
  EXPECT_GT(corner.sum().item<double>(), 0);
}

TEST(SamplingPattern, RadialSpokesPassThroughTheCentre) {
  const at::Tensor mask = pattern_of(R"({"pattern": "radial", "spokes": 2})");
  EXPECT_EQ(mask[32].min().item<double>(), 1);  // angle 0: the central row
  EXPECT_EQ(mask.select(1, 40).min().item<double>(), 1);
  EXPECT_EQ(mask.sum().item<double>(), 64 + 80 - 1);
}

TEST(SamplingPattern, RefusesWhatCannotBe) {
  const auto message = [](const std::string& json) -> std::string {
    try {
      pattern_of(json, 8, 8);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message(R"({"center_lines": 9})").find("exceeds the 8 lines"), std::string::npos);
  EXPECT_NE(message(R"({"pattern": "array"})").find("go together"), std::string::npos);
  EXPECT_NE(message(R"({"mask": [[1, 0], [0, 1]]})").find("expected a real mask"), std::string::npos);
  EXPECT_NE(message(R"({"pattern": "spiral"})").find("pattern"), std::string::npos);
  EXPECT_NE(message(R"({"acceleration": 0.5})").find("acceleration"), std::string::npos);
}

}  // namespace
}  // namespace recon
