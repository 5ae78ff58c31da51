// Noise between channels and between pixels: the whitened operator keeps the laws, the noise becomes white.
#include "operators/noise_correlation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/diagnostics.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

/// B B^H + 0.1 of random numbers: Hermitian, its eigenvalues a hundredfold apart.
NoiseCorrelation between_channels(std::int64_t channels, bool complex) {
  const TensorSpec spec{{channels, channels}, complex ? ScalarKind::complex : ScalarKind::real};
  const at::Tensor b = Rng(3, "covariance").normal({{0, 0}}, 0, spec, at::kDouble)[0];
  return {.covariance = at::matmul(b, b.conj().t()) + 0.1 * at::eye(channels, b.options()), .spectrum = {}};
}

/// Power that rises and falls with the frequency (over a thousandfold), zero frequency in the middle.
NoiseCorrelation coloured(std::int64_t height, std::int64_t width) {
  const auto axis = [](std::int64_t n) {
    return at::fft_fftshift((2 * 3.14159265358979 * at::fft_fftfreq(n, 1, at::kDouble)).cos());
  };
  const at::Tensor power = at::exp(3.5 * (axis(height).unsqueeze(1) + 0.5 * axis(width)));
  return {.covariance = {}, .spectrum = 0.01 * power};
}

struct Case {
  std::string op;
  TensorSpec image;
  NoiseCorrelation noise;
};

std::vector<Case> cases() {
  const TensorSpec colour{{3, 9, 8}, ScalarKind::real}, real{{1, 9, 8}, ScalarKind::real};
  const TensorSpec complex{{1, 9, 8}, ScalarKind::complex};
  return {{R"({"type": "blur", "std_px": 1})", colour, between_channels(3, false)},
          {R"({"type": "sense", "coils": 4, "pattern": "cartesian_random", "acceleration": 2, "center_lines": 2})",
           complex, between_channels(4, true)},
          {R"({"type": "blur", "std_px": 1})", colour, coloured(9, 8)},
          {R"({"type": "identity"})", real, coloured(9, 8)},
          {R"({"type": "identity"})", complex, coloured(9, 8)},
          {R"({"type": "radon", "angles": 6, "bins": 11})", real, coloured(6, 11)},
          {R"({"type": "clipping"})", real, coloured(9, 8)}};
}

TEST(NoiseCorrelation, WhitenedOperatorsKeepTheLaws) {
  for (const Case& one : cases()) {
    const Prewhitening whitening = prewhitening_of(build_operator(one.op, one.image), one.noise);
    for (const LawFinding& finding : check_operator(*whitening.op).findings) {
      EXPECT_TRUE(finding.holds()) << one.op << " " << finding.law << " " << finding.error << finding.detail;
    }
    for (const LawFinding& finding : check_operator(*whitening.filter).findings) {
      EXPECT_TRUE(finding.holds()) << one.op << " " << finding.law << " " << finding.error << finding.detail;
    }
  }
}

TEST(NoiseCorrelation, ASpectralFormStaysWhereTheOperatorIsUnitary) {
  const std::vector<Case> all = cases();
  EXPECT_TRUE(
      check_operator(*prewhitening_of(build_operator(all[3].op, all[3].image), all[3].noise).op).has_spectral_form);
  EXPECT_TRUE(
      check_operator(*prewhitening_of(build_operator(all[4].op, all[4].image), all[4].noise).op).has_spectral_form);
  EXPECT_FALSE(
      check_operator(*prewhitening_of(build_operator(all[2].op, all[2].image), all[2].noise).op).has_spectral_form);
}

/// The covariance of `count` draws [count, n] of real and imaginary parts.
at::Tensor covariance_of(const at::Tensor& draws) {
  const at::Tensor flat = (draws.is_complex() ? at::view_as_real(draws.resolve_conj()) : draws).flatten(1);
  return at::matmul(flat.t(), flat) / static_cast<double>(flat.size(0));
}

// Sampling error of a covariance's entry: at most sqrt(2 / draws) of the largest variance.
TEST(NoiseCorrelation, WhatIsDrawnHasTheStatedCovarianceAndIsWhiteOnceWhitened) {
  constexpr std::int64_t draws = 20000;
  std::vector<StreamKey> keys;
  for (std::uint64_t i = 0; i < draws; ++i) keys.push_back({i, 0});
  const TensorSpec coils{{3, 1, 2}, ScalarKind::complex}, real{{1, 4, 5}, ScalarKind::real};
  for (const auto& [noise, spec] : {std::pair{between_channels(3, true), coils}, std::pair{coloured(4, 5), real}}) {
    const at::Tensor white = Rng(1, "white").normal(keys, 0, spec, at::kDouble);
    const at::Tensor drawn = noise_filter(noise, 0.5, spec)->apply(white);
    // The dense matrix of the filter of power 1 is the covariance itself.
    const at::Tensor exact = [&] {
      const std::int64_t n = spec.numel();
      const bool complex = spec.scalar == ScalarKind::complex;
      at::Tensor unit =
          complex ? at::view_as_complex(at::eye(2 * n, at::kDouble).view({2 * n, n, 2})) : at::eye(n, at::kDouble);
      Shape shape = spec.shape;
      shape.insert(shape.begin(), unit.size(0));
      const at::Tensor columns = noise_filter(noise, 1, spec)->apply(unit.view(shape));
      return (complex ? at::view_as_real(columns) : columns).flatten(1).t();
    }();
    const double largest = exact.diagonal().max().item<double>();
    EXPECT_LT((covariance_of(drawn) - exact).abs().max().item<double>(), 6 * largest * std::sqrt(2.0 / draws));
    const double std = noise.typical_std();
    const at::Tensor back = noise_filter(noise, -0.5, spec)->apply(drawn) * std;
    const at::Tensor off = covariance_of(back) / (std * std) - at::eye(exact.size(0), at::kDouble);
    EXPECT_LT(off.abs().max().item<double>(), 6 * std::sqrt(2.0 / draws));
  }
}

TEST(NoiseCorrelation, WhiteNoiseIsLeftAsItIs) {
  const TensorSpec real{{2, 4, 5}, ScalarKind::real};
  const at::Tensor y = Rng(1, "y").normal({{0, 0}}, 0, real, at::kDouble);
  const OperatorPtr op = build_operator(R"({"type": "identity"})", real);
  for (const NoiseCorrelation& noise : {NoiseCorrelation{.covariance = 0.04 * at::eye(2, at::kDouble), .spectrum = {}},
                                        NoiseCorrelation{.covariance = {}, .spectrum = at::full({4, 5}, 0.04)}}) {
    const Prewhitening whitening = prewhitening_of(op, noise);
    EXPECT_NEAR(whitening.std, 0.2, 1e-7);
    EXPECT_TRUE(at::allclose(whitening.filter->apply(y), y, 1e-6, 1e-9));
  }
}

TEST(NoiseCorrelation, WhatItDoesNotTellIsRefusedByName) {
  const TensorSpec real{{1, 9, 8}, ScalarKind::real}, colour{{3, 9, 8}, ScalarKind::real};
  EXPECT_NE(coloured(9, 9).fault(real), "");
  EXPECT_NE(coloured(9, 8).fault({{12}, ScalarKind::real}), "");
  EXPECT_NE(between_channels(2, false).fault(colour), "");
  EXPECT_NE(between_channels(3, true).fault(colour), "");
  EXPECT_EQ(between_channels(3, false).fault(colour), "");
  NoiseCorrelation lopsided = coloured(9, 8);
  lopsided.spectrum[0][0] *= 2;
  EXPECT_NE(lopsided.fault(real), "") << "no spectrum of real noise";
  lopsided.spectrum[0][0] = -1;
  EXPECT_NE(lopsided.fault({{1, 9, 8}, ScalarKind::complex}), "");
  NoiseCorrelation singular{.covariance = at::ones({3, 3}, at::kDouble), .spectrum = {}};
  EXPECT_NE(singular.fault(colour), "");
  const OperatorPtr missing = build_operator(R"({"type": "inpainting"})", real);
  EXPECT_THROW(prewhitening_of(missing, coloured(9, 8)), Error);
  const OperatorPtr bayer = build_operator(R"({"type": "inpainting", "pattern": "random"})", colour);
  EXPECT_NO_THROW(prewhitening_of(bayer, between_channels(3, false))) << "missing in all channels alike";
}

}  // namespace
}  // namespace recon
