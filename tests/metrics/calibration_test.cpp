// What is said of intervals holds where it must: samples and truth of one and the same distribution.
#include "recon/metrics/calibration.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

TEST(Calibration, CrpsAndRanksByHand) {
  const at::Tensor samples = at::tensor({1.0, 3.0, 2.0}).view({3, 1}), truth = at::tensor({2.5});
  const Calibration got = calibrate(samples, truth, SamplePairs(3));
  // mean |x - 2.5| = (1.5 + 0.5 + 0.5) / 3; pairs: |1-2| + |1-3| + |2-3| = 4 over 3 pairs, half of the mean is 2/3.
  EXPECT_NEAR(got.crps, 2.5 / 3 - 2.0 / 3, 1e-12);
  EXPECT_EQ(got.ranks, (std::vector<double>{0, 0, 1, 0}));
  EXPECT_THROW(calibrate(samples.narrow(0, 0, 1), truth, SamplePairs(1)), Error);
  // Complex values are two pixels each.
  const at::Tensor complex = at::complex(samples, samples);
  EXPECT_NEAR(calibrate(complex, at::complex(truth, truth), SamplePairs(3)).crps, got.crps, 1e-12);
}

/// Independent normal pixels: truth of std 1, samples of std `std`, with mean `shift` between them.
Calibration of_normals(std::int64_t samples, std::int64_t pixels, double std, double shift = 0) {
  const TensorSpec spec{{pixels}, ScalarKind::real};
  std::vector<StreamKey> keys;
  for (std::int64_t s = 0; s <= samples; ++s) keys.push_back({0, static_cast<std::uint32_t>(s)});
  const at::Tensor draws = Rng(3, "calibration").normal(keys, 0, spec, at::kDouble);
  return calibrate(draws.narrow(0, 1, samples) * std + shift, draws[0], SamplePairs(samples));
}

TEST(Calibration, CoversWithItsLevelFromAnyNumberOfSamples) {
  constexpr std::int64_t pixels = 40000;
  for (const std::int64_t samples : {2, 4, 5, 16}) {
    const Calibration got = of_normals(samples, pixels, 1);
    for (std::size_t k = 0; k < got.nominal.size(); ++k) {
      const double level = got.nominal[k];
      // Independent pixels: binomial; four standard deviations, 16 figures: one false alarm in a thousand seeds.
      EXPECT_NEAR(got.covered[k], level, 4 * std::sqrt(level * (1 - level) / pixels)) << samples << " at " << level;
    }
    const double uniform = 1.0 / static_cast<double>(samples + 1);
    for (const double share : got.ranks) EXPECT_NEAR(share, uniform, 4.5 * std::sqrt(uniform / pixels)) << samples;
    for (const auto& [nominal, covered] : calibration_curve(got))
      EXPECT_NEAR(covered, nominal, 4 * 0.5 / 200) << samples;
  }
}

TEST(Calibration, CrpsOfNormalsIsTheKnownOneAndLeastForTheRightSpread) {
  // E|Z - Z'| / 2 = 1 / sqrt(pi) for the truth and samples of N(0, 1). A pixel's CRPS has a std below 1.
  constexpr std::int64_t pixels = 40000;
  const double right = of_normals(8, pixels, 1).crps;
  EXPECT_NEAR(right, 1 / std::sqrt(M_PI), 4.0 / std::sqrt(pixels));
  EXPECT_GT(of_normals(8, pixels, 1.5).crps, right);
  EXPECT_GT(of_normals(8, pixels, 0.5).crps, right);
  EXPECT_GT(of_normals(8, pixels, 1, 0.3).crps, right);
}

}  // namespace
}  // namespace recon
