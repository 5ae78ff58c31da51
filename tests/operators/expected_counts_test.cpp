#include "operators/expected_counts.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/noise.h"

namespace recon {
namespace {

/// The same by loops, from the definition.
double expected_at(const at::Tensor& counts, const at::Tensor& support, std::int64_t row, std::int64_t column) {
  const auto c = counts.accessor<double, 2>(), s = support.accessor<double, 2>();
  if (s[row][column] == 0) return 0;
  if (c[row][column] >= 20) return c[row][column];
  double mean = 0;
  for (const std::int64_t side : {3, 5, 9}) {
    double sum = 0, entries = 0;
    for (std::int64_t i = row - side / 2; i <= row + side / 2; ++i) {
      for (std::int64_t j = column - side / 2; j <= column + side / 2; ++j) {
        if (i < 0 || j < 0 || i >= counts.size(0) || j >= counts.size(1) || s[i][j] == 0) continue;
        sum += c[i][j];
        entries += 1;
      }
    }
    mean = sum / entries;
    if (sum >= 4) break;
  }
  return mean;
}

TEST(ExpectedCounts, AreTheMeansOfTheDefinitionInTwoHundredRandomCases) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto uniform = [&](std::uint32_t step) {
      return Rng(5, "expected counts").uniform({{i, 0}}, step, {{8, 11}, ScalarKind::real})[0];
    };
    const double level = std::pow(10.0, 4 * uniform(0)[0][0].item<double>() - 2);
    const at::Tensor support = (uniform(1) < 0.7).to(at::kDouble);
    const Noise noise{.type = NoiseType::poisson, .peak = 1};
    const at::Tensor counts =
        with_noise(noise, level * uniform(2).unsqueeze(0).unsqueeze(0), Rng(1, "counts"), {{i, 0}})[0][0] * support;
    const at::Tensor found = expected_counts(counts.view({1, 1, 8, 11}), support.unsqueeze(0))[0][0];
    for (std::int64_t row = 0; row < 8; ++row) {
      for (std::int64_t column = 0; column < 11; ++column) {
        const double expected = expected_at(counts, support, row, column);
        EXPECT_NEAR(found[row][column].item<double>(), expected, 1e-9 * (1 + expected)) << i;
      }
    }
  }
}

// Weighted means of counts by their own inverse variance are too low: of mean 2 they would come out below 1.5.
TEST(ExpectedCounts, WeighWithoutBias) {
  const Noise noise{.type = NoiseType::poisson, .peak = 1};
  for (const double level : {0.2, 2.0, 10.0, 40.0}) {
    const at::Tensor counts =
        with_noise(noise, at::full({1, 1, 200, 200}, level, at::kDouble), Rng(1, "bias"), {{0, 0}});
    const at::Tensor weights = noise_variance(noise, expected_counts(counts, {}), 0.01 * level).reciprocal();
    const double mean = ((weights * counts).sum() / weights.sum()).item<double>();
    EXPECT_NEAR(mean / level, 1, level < 1 ? 0.35 : 0.1) << level;
    const at::Tensor own = noise_variance(noise, counts).reciprocal();
    if (level > 1 && level < 20) {  // darker, both are off: most counts are 0 or 1
      EXPECT_GT(std::abs(((own * counts).sum() / own.sum()).item<double>() / level - 1), std::abs(mean / level - 1));
    }
  }
}

}  // namespace
}  // namespace recon
