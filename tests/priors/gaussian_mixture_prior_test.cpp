#include "priors/gaussian_mixture_prior.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

std::vector<StreamKey> keys(std::int64_t count) {
  std::vector<StreamKey> result;
  for (std::int64_t i = 0; i < count; ++i) result.push_back({static_cast<std::uint64_t>(i), 0});
  return result;
}

at::Tensor normal(const char* stream, const Shape& shape, std::int64_t batch = 2) {
  return Rng(21, stream).normal(keys(batch), 0, {shape, ScalarKind::real}, at::kDouble);
}

double largest(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

/// Weights of the text's own mixture on one pixel: .3 N(-.5, .1²) + .7 N(.4, .3²).
const double kWeight[] = {0.3, 0.7}, kMean[] = {-0.5, 0.4}, kStd[] = {0.1, 0.3};

GaussianMixturePrior one_pixel() {
  std::vector<MixtureComponent> components;
  for (int k = 0; k < 2; ++k) {
    components.push_back({2 * kWeight[k], at::full({1, 1, 1}, kMean[k], at::kDouble),
                          Covariance::isotropic({1, 1, 1}, kStd[k] * kStd[k])});
  }
  return GaussianMixturePrior(std::move(components));
}

GaussianMixturePrior two_by_three() {
  const Shape image{1, 2, 3};
  std::vector<MixtureComponent> components;
  for (const char* name : {"a", "b", "c"}) {
    const at::Tensor root = 0.4 * normal(name, {6, 6}, 1)[0];
    components.push_back({1, normal(name, image, 1)[0],
                          Covariance::full(image, at::matmul(root, root.t()) + 0.05 * at::eye(6, at::kDouble))});
  }
  return GaussianMixturePrior(std::move(components));
}

/// Moments of x_0 given x_t by the trapezoid rule on a fine grid: p(x_0) written out, N(x_t; alpha x_0, sigma²).
struct Moments {
  double density, mean, variance;
};
Moments quadrature(double x_t, const NoiseLevel& level) {
  const at::Tensor x0 = at::linspace(-4, 4, 8001, at::kDouble);
  at::Tensor p = at::zeros_like(x0);
  for (int k = 0; k < 2; ++k) p = p + kWeight[k] / kStd[k] * (-0.5 * ((x0 - kMean[k]) / kStd[k]).square()).exp();
  p = p * (-0.5 * ((x_t - level.alpha * x0) / level.sigma).square()).exp() / level.sigma;
  const double total = p.sum().item<double>(), mean = (p * x0).sum().item<double>() / total;
  const double step = 8.0 / 8000, two_pi = 2 * 3.14159265358979323846;
  return {total * step / two_pi, mean, (p * (x0 - mean).square()).sum().item<double>() / total};
}

TEST(GaussianMixturePrior, DenoiserAndDensityEqualQuadrature) {
  const GaussianMixturePrior prior = one_pixel();
  for (const NoiseLevel& level :
       {NoiseLevel{0.99, 0.1}, NoiseLevel{0.8, 0.6}, NoiseLevel{1, 2}, NoiseLevel{0.3, 0.7}}) {
    for (const double x : {-1.0, -0.1, 0.05, 0.8}) {
      const at::Tensor x_t = at::full({1, 1, 1, 1}, x, at::kDouble);
      const Moments exact = quadrature(x, level);
      // The trapezoid rule is exact to rounding on Gaussians a hundred grid steps wide.
      EXPECT_NEAR(prior.denoise(x_t, level).item<double>(), exact.mean, 1e-12);
      EXPECT_NEAR(prior.log_density(x_t, level).item<double>(), std::log(exact.density), 1e-11);
    }
  }
}

TEST(GaussianMixturePrior, OneComponentIsTheGaussianPrior) {
  const Shape image{1, 2, 3};
  const at::Tensor root = normal("root", {6, 6}, 1)[0], mean = normal("mean", image, 1)[0];
  const Covariance covariance = Covariance::full(image, at::matmul(root, root.t()));
  const GaussianPrior gaussian(mean, covariance);
  const GaussianMixturePrior mixture({{5, mean, covariance}});
  const at::Tensor x_t = normal("x_t", image);
  const NoiseLevel level{0.8, 0.6};
  EXPECT_LT(largest(mixture.denoise(x_t, level) - gaussian.denoise(x_t, level)), 50 * kEpsilon);
  EXPECT_LT(largest(mixture.log_density(x_t, level) - gaussian.log_density(x_t, level)), 1e3 * kEpsilon);
  for (const double r : {1e-3, 0.1, 1.0, 1e3}) {  // grid points of the table, where it does not interpolate
    EXPECT_NEAR(mixture.denoising_mse(r) / gaussian.denoising_mse(r), 1, 1e-9);
  }
}

TEST(GaussianMixturePrior, ScoreIsTheGradientOfTheLogDensity) {
  const GaussianMixturePrior prior = two_by_three();
  const double h = 1e-4;
  for (const double t : {50.0, 300.0, 800.0}) {
    const NoiseLevel level = prior.schedule().at(t);
    const at::Tensor x_t = normal("x_t", {1, 2, 3}), u = normal("u", {1, 2, 3});
    const at::Tensor slope = (prior.log_density(x_t + h * u, level) - prior.log_density(x_t - h * u, level)) / (2 * h);
    const at::Tensor inner = (prior.score(x_t, level) * u).flatten(1).sum(1);
    // The central difference errs by h²/6 times the third derivative, of order (|u| / sigma)³ |x| / sigma.
    const double scale = largest(u) * std::sqrt(6.0) / level.sigma;
    EXPECT_LT(largest(slope - inner), h * h * std::pow(scale, 4) + 1e-10 * std::max(1.0, largest(inner)));
  }
}

TEST(GaussianMixturePrior, PullbackIsTheTransposedJacobian) {
  const GaussianMixturePrior prior = two_by_three();
  const double h = 1e-5;
  const NoiseLevel level{0.8, 0.6};
  const at::Tensor x_t = 0.5 * normal("x_t", {1, 2, 3}), v = normal("v", {1, 2, 3}), u = normal("u", {1, 2, 3});
  const at::Tensor Ju = (prior.denoise(x_t + h * u, level) - prior.denoise(x_t - h * u, level)) / (2 * h);
  const at::Tensor vjp = prior.linearize(x_t, level).pullback(v);
  // h² times a third derivative of order one, and rounding / h.
  EXPECT_LT(largest((v * Ju).flatten(1).sum(1) - (vjp * u).flatten(1).sum(1)), 1e-8);
  // The mixing term is there: without it the Jacobian would be the responsibilities' mean of the components'.
  EXPECT_GT(largest(vjp), 0.1);
  const at::Tensor shares = prior.responsibilities(x_t, level);
  EXPECT_LT(largest(shares.sum(1) - 1), 10 * kEpsilon);
  EXPECT_LT(largest(shares), 0.999) << "the point must lie between the components for this test to mean anything";
}

TEST(GaussianMixturePrior, DenoisingMseEqualsQuadratureToItsStatedError) {
  const GaussianMixturePrior prior = one_pixel();
  for (const double r : {0.03, 0.2, 0.5, 1.5, 20.0}) {
    double exact = 0;
    const NoiseLevel level{1, r};
    const double low = -2 - 6 * r, high = 2 + 6 * r;
    const int points = 400;
    for (int i = 0; i <= points; ++i) {
      const Moments at_x = quadrature(low + (high - low) * i / points, level);
      exact += at_x.density * at_x.variance * (high - low) / points;
    }
    EXPECT_NEAR(prior.denoising_mse(r) / exact, 1, 0.15) << r;  // 64 draws of one pixel; images average over pixels
  }
  EXPECT_NEAR(prior.denoising_mse(1e-5), 1e-10, 1e-12);
  EXPECT_EQ(prior.denoising_mse(1e4), prior.denoising_mse(1e3));
}

TEST(GaussianMixturePrior, SamplesFollowTheWeights) {
  const std::int64_t draws = 4000;
  const at::Tensor x = one_pixel().sample(Rng(4, "draws"), keys(draws), at::kDouble).flatten();
  double mean = 0, second = 0;
  for (int k = 0; k < 2; ++k) {
    mean += kWeight[k] * kMean[k];
    second += kWeight[k] * (kMean[k] * kMean[k] + kStd[k] * kStd[k]);
  }
  const double count = static_cast<double>(draws), std = std::sqrt(second - mean * mean);
  EXPECT_NEAR(x.mean().item<double>(), mean, 5 * std / std::sqrt(count));
  EXPECT_NEAR(x.square().mean().item<double>(), second, 5 * x.square().std().item<double>() / std::sqrt(count));
}

// The posterior on two pixels given one number, against a sum over a grid of images.
TEST(GaussianMixturePrior, PosteriorEqualsQuadratureOverImages) {
  const Shape image{1, 1, 2};
  std::vector<MixtureComponent> components;
  components.push_back({0.4, at::tensor({-0.5, 0.3}, at::kDouble).view(image), Covariance::isotropic(image, 0.04)});
  const at::Tensor S = at::tensor({0.09, 0.05, 0.05, 0.16}, at::kDouble).view({2, 2});
  components.push_back({0.6, at::tensor({0.4, 0.1}, at::kDouble).view(image), Covariance::full(image, S)});
  const GaussianMixturePrior prior(components);
  const at::Tensor A = at::tensor({1.0, 0.5}, at::kDouble).view({1, 2}),
                   y = at::tensor({0.1, -0.2}, at::kDouble).view({2, 1});
  const double noise_std = 0.15;
  const MixturePosterior posterior = prior.posterior(A, y, noise_std);

  const at::Tensor axis = at::linspace(-3, 3, 601, at::kDouble);
  const at::Tensor grid = at::stack({axis.view({-1, 1}).expand({601, 601}), axis.expand({601, 601})}, -1).view({-1, 2});
  at::Tensor p = at::zeros({grid.size(0)}, at::kDouble);
  for (const auto& component : components) {
    const at::Tensor C = component.covariance.dense(), d = grid - component.mean.flatten();
    const at::Tensor distance = (d * at::matmul(d, at::linalg_inv(C))).sum(1);
    p = p + component.weight / std::sqrt(at::linalg_det(C).item<double>()) * (-0.5 * distance).exp();
  }
  for (std::int64_t b = 0; b < 2; ++b) {
    const at::Tensor w = p * (-0.5 * ((y[b] - at::matmul(grid, A.t()).flatten()) / noise_std).square()).exp();
    const at::Tensor mean = at::matmul(w, grid) / w.sum();
    const at::Tensor std = (at::matmul(w, (grid - mean).square()) / w.sum()).sqrt();
    EXPECT_LT(largest(posterior.mean[b].flatten() - mean), 1e-11);
    EXPECT_LT(largest(posterior.std[b].flatten() - std), 1e-11);
  }
  EXPECT_LT(largest(posterior.weights.sum(1) - 1), 10 * kEpsilon);
}

TEST(GaussianMixturePrior, RefusesWhatIsNoMixture) {
  const auto component = [](double weight, Shape image) {
    return MixtureComponent{weight, at::zeros(image, at::kDouble), Covariance::isotropic(image, 1)};
  };
  EXPECT_THROW(GaussianMixturePrior({}), Error);
  EXPECT_THROW(GaussianMixturePrior({component(0, {1, 2, 2})}), Error);
  EXPECT_THROW(GaussianMixturePrior({component(1, {1, 2, 2}), component(1, {1, 2, 3})}), Error);
}

}  // namespace
}  // namespace recon
