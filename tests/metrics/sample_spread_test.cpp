// What is said of pairs holds where it must: normal draws whose pairs are correlated as stated.
#include "recon/metrics/sample_spread.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "recon/metrics/calibration.h"

namespace recon {
namespace {

constexpr std::int64_t pixels = 40000;

at::Tensor normals(std::uint32_t sample) {
  return Rng(4, "spread").normal({{0, sample}}, 0, {{pixels}, ScalarKind::real}, at::kDouble)[0];
}

struct Drawn {
  at::Tensor samples;  ///< [S, pixels]: mean 3, std 2
  SamplePairs pairs;
};
/// Two by two with this correlation; of an odd number the last one by itself.
Drawn pairs_of_normals(std::int64_t samples, double correlation) {
  std::vector<at::Tensor> x;
  std::vector<std::int64_t> partner;
  for (std::int64_t s = 0; s < samples; ++s) {
    const bool second = s % 2 == 1, alone = s % 2 == 0 && s + 1 == samples;
    const auto draw = static_cast<std::uint32_t>(s);
    const at::Tensor z =
        second ? correlation * normals(draw - 1) + std::sqrt(1 - correlation * correlation) * normals(draw)
               : normals(draw);
    x.push_back(3 + 2 * z);
    partner.push_back(alone ? -1 : (second ? s - 1 : s + 1));
  }
  return {at::stack(x), SamplePairs(partner)};
}

TEST(SampleSpread, WithoutPairsIsTheUsualOne) {
  const at::Tensor x = at::tensor({1.0, 3.0, 8.0}, at::kDouble).unsqueeze(1);
  const SampleSpread spread = spread_of(x, SamplePairs(3));
  EXPECT_DOUBLE_EQ(spread.mean.item<double>(), 4);
  EXPECT_DOUBLE_EQ(spread.std.item<double>(), std::sqrt(13.0));
  EXPECT_DOUBLE_EQ(spread.mean_variance, 1.0 / 3);
  EXPECT_DOUBLE_EQ(spread.degrees, 2);
  EXPECT_TRUE(std::isnan(spread_of(x.narrow(0, 0, 1), SamplePairs(1)).std.item<double>()));
  EXPECT_THROW(spread_of(x, SamplePairs(2)), Error);
  EXPECT_THROW(SamplePairs({1, -1}), Error);
  EXPECT_THROW(SamplePairs(std::vector<std::int64_t>{0}), Error);
}

TEST(SampleSpread, OfPairsByHand) {
  // Two pairs: the differences that count are 1-4, 1-9, 3-4 and 3-9.
  const at::Tensor x = at::tensor({1.0, 3.0, 4.0, 9.0}, at::kDouble).unsqueeze(1);
  const SampleSpread spread = spread_of(x, SamplePairs({1, 0, 3, 2}));
  EXPECT_NEAR(spread.std.item<double>(), std::sqrt((9.0 + 64 + 1 + 36) / 8), 1e-12);
  EXPECT_NEAR(spread.correlation, 1 - (4.0 + 25) / 2 / 2 / (110.0 / 8), 1e-12);
  // A pair alone is taken for mirror images.
  const SampleSpread alone = spread_of(x.narrow(0, 0, 2), SamplePairs({1, 0}));
  EXPECT_DOUBLE_EQ(alone.std.item<double>(), 1);
  EXPECT_DOUBLE_EQ(alone.mean_variance, 0);
  EXPECT_DOUBLE_EQ(alone.degrees, 1);
}

TEST(SampleSpread, IsUnbiasedAndKnowsWhatTheMeanIsWorth) {
  for (const std::int64_t samples : {3, 4, 5, 8}) {
    for (const double correlation : {-1.0, -0.8, 0.0, 0.5}) {
      const auto [x, pairs] = pairs_of_normals(samples, correlation);
      const SampleSpread spread = spread_of(x, pairs);
      const std::string here = std::to_string(samples) + " samples, correlation " + std::to_string(correlation);
      EXPECT_NEAR(spread.std.square().mean().item<double>(), 4, 4 * 0.04) << here;
      EXPECT_NEAR(spread.correlation, correlation, 0.04) << here;
      EXPECT_NEAR((spread.mean - 3).square().mean().item<double>(), 4 * spread.mean_variance, 4 * 0.03) << here;
      // 2 / degrees is the relative variance of std².
      const at::Tensor off = spread.std.square() / 4 - 1;
      EXPECT_NEAR(off.square().mean().item<double>(), 2 / spread.degrees, 0.1 * 2 / spread.degrees) << here;
    }
  }
}

TEST(SampleSpread, PairsCoverWithTheirLevel) {
  for (const std::int64_t samples : {2, 4, 5, 8}) {
    for (const double correlation : {-1.0, -0.8, 0.0}) {
      if (samples == 2 && correlation > -1) continue;  // which cannot be known of a pair alone
      const auto [x, pairs] = pairs_of_normals(samples, correlation);
      const at::Tensor truth = 3 + 2 * normals(100);
      const Calibration got = calibrate(x, truth, pairs);
      const std::string here = std::to_string(samples) + " samples, correlation " + std::to_string(correlation);
      for (std::size_t k = 0; k < got.nominal.size(); ++k) {
        EXPECT_NEAR(got.covered[k], got.nominal[k], 0.012) << here;  // four standard errors; degrees are fitted
      }
      const double uniform = 1.0 / static_cast<double>(got.ranks.size());
      EXPECT_EQ(got.ranks.size(), static_cast<std::size_t>((samples + 1) / 2 + 1)) << here;
      for (const double share : got.ranks) EXPECT_NEAR(share, uniform, 4.5 * std::sqrt(uniform / pixels)) << here;
      // The CRPS of a normal of the right mean and std against its own draws is std / sqrt(pi).
      EXPECT_NEAR(got.crps, 2 / std::sqrt(M_PI), 0.03) << here;
    }
  }
}

}  // namespace
}  // namespace recon
