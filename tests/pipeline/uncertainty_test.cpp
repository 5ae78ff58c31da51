// What is said of a result's trustworthiness, against the exact posterior and by hand.
#include "recon/pipeline/solve/uncertainty.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/fourier/fourier.h"
#include "operators/inpainting/inpainting.h"
#include "priors/gaussian_prior.h"
#include "recon/pipeline/solve/misfit.h"

namespace recon {
namespace {

constexpr std::int64_t size = 16;
const TensorSpec image{{1, size, size}, ScalarKind::real};

at::Tensor normal(std::uint64_t item, std::uint32_t step, const TensorSpec& spec = image) {
  return Rng(11, "trust test").normal({{item, 0}}, step, spec, at::kDouble);
}

PreparedItem item_of(const OperatorPtr& op, const at::Tensor& y, double noise_std) {
  PreparedItem item;
  item.op = op;
  item.y = y;
  item.noise = item_noise({.type = NoiseType::gaussian, .std = {noise_std}, .peak = 0}, 0, y);
  return item;
}

at::Tensor random_mask() { return (Rng(5, "mask").uniform({{0, 0}}, 0, image)[0] < 0.3).to(at::kDouble); }

/// Coverage of posterior samples (std off by `factor`) over independent measurements: mean and its standard error.
struct Coverage {
  std::vector<double> mean, error;
};
Coverage coverage_of(double factor) {
  constexpr std::int64_t items = 60, samples = 16;
  constexpr double noise_std = 0.1;
  const at::Tensor k = at::fft_fftfreq(size, 1.0 / size, at::kDouble).square();
  const at::Tensor power = (1 + (k.unsqueeze(1) + k.unsqueeze(0)) / 4).pow(-1.25).unsqueeze(0);
  const GaussianPrior prior(at::zeros(image.shape, at::kDouble), Covariance::stationary(power / power.mean()));
  const OperatorPtr op = make_inpainting(image, random_mask(), "random");
  const at::Tensor matrix =
      random_mask().flatten().diag().index_select(0, random_mask().flatten().nonzero().squeeze(1));
  std::vector<at::Tensor> covered;
  at::Tensor root;
  for (std::uint64_t i = 0; i < items; ++i) {
    const at::Tensor truth = prior.sample(Rng(2, "truth"), {{i, 0}}, at::kDouble);
    const at::Tensor y =
        at::matmul(matrix, truth.flatten()) + noise_std * normal(i, 0, {{matrix.size(0)}, ScalarKind::real}).flatten();
    const GaussianPosterior posterior = prior.posterior(matrix, y.unsqueeze(0), noise_std);
    if (!root.defined()) root = std::get<0>(at::linalg_cholesky_ex(posterior.covariance));
    std::vector<at::Tensor> draws;
    for (std::uint32_t s = 1; s <= samples; ++s) {
      draws.push_back(posterior.mean[0] + factor * at::matmul(root, normal(i, s).flatten()).view(image.shape));
    }
    covered.push_back(at::tensor(calibrate(at::stack(draws), truth[0], SamplePairs(samples)).covered, at::kDouble));
  }
  const at::Tensor all = at::stack(covered);
  const at::Tensor mean = all.mean(0), error = ((all - mean).square().sum(0) / ((items - 1.0) * items)).sqrt();
  Coverage result;
  for (std::int64_t i = 0; i < mean.numel(); ++i) {
    result.mean.push_back(mean[i].item<double>());
    result.error.push_back(error[i].item<double>());
  }
  return result;
}

// The sampling error is measured over independent measurements (the pixels of one are correlated). Exact samples must
// lie within 4 of them at all four levels: a false alarm in 4000 seeds. With the std 10 % off the t interval of 16
// samples covers 4 to 5 points less (more) at 80 and 90 %; the standard error is about half a point, so that the power
// is above 0.99.
TEST(Uncertainty, ExactPosteriorSamplesAreCalibratedAndTenPercentOffIsSeen) {
  const std::vector<double> nominal = {0.5, 0.8, 0.9, 0.95};
  const auto worst = [&](const Coverage& got) {
    double z = 0;
    for (std::size_t i = 0; i < nominal.size(); ++i) {
      z = std::max(z, std::abs(got.mean[i] - nominal[i]) / got.error[i]);
    }
    return z;
  };
  EXPECT_LT(worst(coverage_of(1.0)), 4);
  EXPECT_GT(worst(coverage_of(0.9)), 4);
  EXPECT_GT(worst(coverage_of(1.1)), 4);
}

TEST(Uncertainty, WithoutNoiseTheImaginedPartIsTheNullSpace) {
  const at::Tensor mask = random_mask(), x = normal(0, 0) + 3.0;
  const OperatorPtr op = make_inpainting(image, mask, "random");
  const PreparedItem item = item_of(op, op->apply(x), 0);
  const auto split = split_by_data(x, item);
  ASSERT_TRUE(split.has_value());
  const at::Tensor z = x - x.mean();
  EXPECT_LT((split->prior_part - (z * (1 - mask))[0]).abs().max().item<double>(), 1e-9);
  const double share = ((z * (1 - mask)).square().sum() / z.square().sum()).item<double>();
  EXPECT_NEAR(split->prior_fraction, share, 1e-9);
  EXPECT_GT(share, 0.5);
  // Fourier: what is not measured is prior_part, and measuring it again gives nothing.
  at::Tensor lines = at::zeros({size}, at::kDouble);
  lines.slice(0, 6, 11).fill_(1);
  const OperatorPtr fourier = make_fourier(image, lines.unsqueeze(0).expand({size, size}), "five lines");
  const auto missing = split_by_data(x, item_of(fourier, fourier->apply(x), 0));
  EXPECT_LT(fourier->apply(missing->prior_part.unsqueeze(0)).abs().max().item<double>(), 1e-9);
  EXPECT_GT(missing->prior_fraction, 0.3);
}

TEST(Uncertainty, NoiseLeavesMoreToThePrior) {
  const OperatorPtr op = make_inpainting(image, at::ones({size, size}, at::kDouble), "all there");
  const at::Tensor x = normal(1, 0);
  const double variance = (x - x.mean()).square().mean().item<double>(), noise_std = 0.5;
  // R = 1 / (1 + l) for all components, l = noise variance / image variance.
  const double l = noise_std * noise_std / variance;
  const auto split = split_by_data(x, item_of(op, x, noise_std));
  EXPECT_NEAR(split->prior_fraction, std::pow(l / (1 + l), 2), 1e-9);
}

TEST(Uncertainty, Chi2MapAveragesToChi2) {
  const OperatorPtr fourier = make_fourier(image, at::ones({size, size}, at::kDouble), "all");
  const at::Tensor x = normal(2, 0);
  const TensorSpec range{{1, size, size}, ScalarKind::complex};
  const at::Tensor n = 0.1 * Rng(4, "n").normal({{0, 0}}, 0, range, at::kComplexDouble);
  const at::Tensor map = fit_of(x, item_of(fourier, fourier->apply(x) + n, 0.1)).chi2_map;
  EXPECT_EQ(map.sizes(), at::IntArrayRef({1, size, size}));
  const double chi2 = (at::view_as_real(n).square().sum() / (0.01 * 2 * size * size)).item<double>();
  EXPECT_NEAR(map.mean().item<double>(), chi2, 1e-9);
}

TEST(Uncertainty, WarnsOfAWrongNoiseLevelAndOnlyThen) {
  // Data with noise of 0.1: stated as 0.1 and 0.05 nothing is said (the image may be what varies), 0.2 is too high.
  const TensorSpec large{{1, 64, 64}, ScalarKind::real};
  const OperatorPtr op = make_inpainting(large, at::ones({64, 64}, at::kDouble), "all there");
  const at::Tensor y = 0.1 * normal(0, 0, large) + 0.5;
  const auto warning_at = [&](double std) {
    const PreparedItem item = item_of(op, y, std);
    return noise_level_warning(item.noise, item.y, *item.op);
  };
  EXPECT_EQ(warning_at(0.1), "");
  EXPECT_EQ(warning_at(0.05), "");
  EXPECT_NE(warning_at(0.2), "");
}

TEST(BlockAverage, SumsChannelsAndAveragesTheBlocksThatThereAre) {
  at::Tensor map = at::zeros({2, 3, 5}, at::kFloat);
  map.narrow(1, 0, 2).narrow(2, 0, 2).fill_(1);  // the first block of 2 x 2, in both channels
  map[0][2][4] = 7;                              // alone in its block
  const at::Tensor blocks = block_average(map, 2);
  at::Tensor expected = at::zeros({1, 3, 5}, at::kFloat);
  expected.narrow(1, 0, 2).narrow(2, 0, 2).fill_(2);
  expected[0][2][4] = 7;
  EXPECT_TRUE(at::equal(blocks, expected));
}

}  // namespace
}  // namespace recon
