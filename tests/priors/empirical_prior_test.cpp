#include "priors/empirical_prior.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "priors/gaussian_mixture_prior.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr double kWidth = 0.1;

std::vector<StreamKey> keys_of(std::int64_t count) {
  std::vector<StreamKey> result;
  for (std::int64_t i = 0; i < count; ++i) result.push_back({static_cast<std::uint64_t>(i), 0});
  return result;
}

at::Tensor pictures(std::int64_t count = 5) {
  return 0.4 * Rng(3, "pictures").normal(keys_of(count), 0, {{1, 2, 3}, ScalarKind::real}, at::kDouble);
}

/// The same prior by the class that knows nothing of its special form.
GaussianMixturePrior as_mixture(const EmpiricalPrior& prior) {
  std::vector<MixtureComponent> components;
  for (std::int64_t k = 0; k < prior.images().size(0); ++k) {
    components.push_back({1, prior.images()[k], Covariance::isotropic({1, 2, 3}, prior.width() * prior.width())});
  }
  return GaussianMixturePrior(std::move(components));
}

double largest(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

const std::vector<NoiseLevel> kLevels = {{0.999, 0.01}, {0.99, 0.1}, {0.8, 0.6}, {1, 2}, {0.3, 0.7}};

TEST(EmpiricalPrior, IsTheMixtureOfItsClouds) {
  const EmpiricalPrior prior(pictures(), kWidth);
  const GaussianMixturePrior mixture = as_mixture(prior);
  const at::Tensor z = Rng(4, "noise").normal(keys_of(5), 0, {{1, 2, 3}, ScalarKind::real}, at::kDouble);
  for (const NoiseLevel& level : kLevels) {
    const at::Tensor x_t = level.alpha * prior.images() + level.sigma * z, v = z.flip(0);
    // Rounding of logits as large as ||u||² / (2 s²) ~ 100.
    constexpr double rounding = 1e-12;
    EXPECT_LT(largest(prior.responsibilities(x_t, level) - mixture.responsibilities(x_t, level)), rounding);
    EXPECT_LT(largest(prior.denoise(x_t, level) - mixture.denoise(x_t, level)), rounding);
    // The pullback has another factor 1 / s² <= 100.
    const at::Tensor pulled = prior.linearize(x_t, level).pullback(v);
    EXPECT_LT(largest(pulled - mixture.linearize(x_t, level).pullback(v)), 100 * rounding);
    EXPECT_GT(largest(pulled), 1e-3);
  }
}

TEST(EmpiricalPrior, TheErrorOfItsDenoiserIsTheMixtures) {
  const EmpiricalPrior prior(pictures(), kWidth);
  const GaussianMixturePrior mixture = as_mixture(prior);
  // Where one cloud is meant for sure, or none at all, there is nothing random in the posterior variance.
  EXPECT_NEAR(prior.denoising_mse(1e-2) / mixture.denoising_mse(1e-2), 1, 1e-3);
  EXPECT_NEAR(prior.denoising_mse(1e3) / mixture.denoising_mse(1e3), 1, 1e-3);
  // Between, 32 and 160 draws: the standard error of the share of a draw's images is 1 / sqrt(32).
  for (const double r : {0.1, 0.3, 1.0}) EXPECT_NEAR(prior.denoising_mse(r) / mixture.denoising_mse(r), 1, 0.3) << r;
}

// Single precision would leave errors of 1e-7 · 4096 · 0.25 / s² ~ 1 in the logits here.
TEST(EmpiricalPrior, SinglePrecisionInputIsAsSharpAsDouble) {
  const at::Tensor base = 0.5 * Rng(5, "base").normal(keys_of(1), 0, {{1, 64, 64}, ScalarKind::real}, at::kDouble);
  const at::Tensor far = at::full({1, 1, 64, 64}, 0.5, at::kDouble) + base;
  const at::Tensor near =
      far + 1e-3 * Rng(5, "near").normal(keys_of(8), 0, {{1, 64, 64}, ScalarKind::real}, at::kDouble);
  const EmpiricalPrior prior(near, 0.001);
  const NoiseLevel level{1, 0.005};
  const at::Tensor x_t = prior.images().mean(0, true).to(at::kFloat);
  const at::Tensor shares = prior.responsibilities(x_t, level);
  EXPECT_LT(largest(shares - prior.responsibilities(x_t.to(at::kDouble), level)), 1e-15);
  EXPECT_LT(largest(shares), 1);  // several clouds compete
  EXPECT_EQ(prior.denoise(x_t, level).scalar_type(), at::kFloat);
}

TEST(EmpiricalPrior, DrawsComeFromItsClouds) {
  const EmpiricalPrior prior(pictures(4), 0.01);
  const at::Tensor x = prior.sample(Rng(6, "draws"), keys_of(4000), at::kDouble);
  const at::Tensor shares = prior.responsibilities(x, {1, 1e-6}).mean(0);
  // Four standard errors of a share of 1/4 of 4000 draws.
  EXPECT_LT(largest(shares - 0.25), 4 * std::sqrt(0.25 * 0.75 / 4000));
  const at::Tensor offsets = x - prior.images().index_select(0, prior.responsibilities(x, {1, 1e-6}).argmax(1));
  EXPECT_NEAR(offsets.square().mean().sqrt().item<double>(), 0.01, 0.01 * 4 / std::sqrt(2.0 * 4000 * 6));
}

TEST(EmpiricalPrior, RefusesWhatIsNoSetOfImages) {
  EXPECT_THROW(EmpiricalPrior(at::zeros({0, 1, 2, 3}), kWidth), Error);
  EXPECT_THROW(EmpiricalPrior(at::zeros({1, 2, 3}), kWidth), Error);
  EXPECT_THROW(EmpiricalPrior(pictures(), 0), Error);
  EXPECT_THROW(EmpiricalPrior(at::full({1, 1, 2, 3}, std::numeric_limits<double>::infinity()), kWidth), Error);
}

}  // namespace
}  // namespace recon
