#include "recon/pipeline/solve/samples.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace recon {
namespace {

TEST(Samples, AreGroupedByItemWithoutDivergedOnes) {
  const at::Tensor x = at::tensor({1.0, 3.0, 10.0, 99.0, 5.0}, at::kDouble).reshape({5, 1, 1, 1});
  const std::vector<StreamKey> keys = {{7, 0}, {7, 1}, {2, 0}, {7, 2}, {9, 0}};
  const std::vector<Outcome> outcomes = {Outcome::finished, Outcome::finished, Outcome::finished, Outcome::diverged,
                                         Outcome::diverged};
  const SampleSummary summary = combine_samples(x, keys, outcomes);
  EXPECT_EQ(summary.items, (std::vector<std::uint64_t>{7, 2, 9}));
  EXPECT_EQ(summary.counts, (std::vector<std::int64_t>{2, 1, 0}));
  EXPECT_DOUBLE_EQ(summary.mean[0].item<double>(), 2);
  EXPECT_DOUBLE_EQ(summary.std[0].item<double>(), std::sqrt(2.0));
  EXPECT_TRUE(std::isnan(summary.std[1].item<double>()));
  EXPECT_DOUBLE_EQ(summary.mean[2].item<double>(), 5);
}

TEST(Samples, AreDrawnTwoByTwoFromOppositeNoise) {
  const std::vector<StreamKey> keys = sample_keys(7, 5, true);
  EXPECT_EQ(keys[0], (StreamKey{.item = 7, .sample = 0}));
  EXPECT_EQ(keys[1], (StreamKey{.item = 7, .sample = 0, .mirrored = true}));
  EXPECT_EQ(keys[3], (StreamKey{.item = 7, .sample = 2, .mirrored = true}));
  EXPECT_EQ(keys[4], (StreamKey{.item = 7, .sample = 4}));
  const SamplePairs pairs = pairs_of(keys);
  EXPECT_EQ(pairs.first(), (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(pairs.second(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(pairs_of(sample_keys(7, 5, false)).pairs(), 0);
  // A partner that diverged leaves the other one by itself.
  const at::Tensor x = at::tensor({1.0, 99.0, 2.0, 4.0}, at::kDouble).reshape({4, 1, 1, 1});
  const SampleSummary summary =
      combine_samples(x, {keys.begin(), keys.begin() + 4},
                      {Outcome::finished, Outcome::diverged, Outcome::finished, Outcome::finished});
  EXPECT_DOUBLE_EQ(summary.std[0].item<double>(), std::sqrt((1.0 + 9.0) / 4));  // 1 to 2 and 1 to 4, not 2 to 4
}

}  // namespace
}  // namespace recon
