#include "priors/gaussian_prior.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "priors/channelwise_prior.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
const Shape kImage{2, 3, 4};
constexpr std::int64_t kPixels = 24;

std::vector<StreamKey> keys(std::int64_t count) {
  std::vector<StreamKey> result;
  for (std::int64_t i = 0; i < count; ++i) result.push_back({static_cast<std::uint64_t>(i), 0});
  return result;
}

at::Tensor normal(const char* stream, const Shape& shape, std::int64_t batch = 2) {
  return Rng(11, stream).normal(keys(batch), 0, {shape, ScalarKind::real}, at::kDouble);
}

double largest(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

at::Tensor random_covariance() {
  const at::Tensor root = normal("root", {kPixels, kPixels}, 1)[0];
  return at::matmul(root, root.t()) / static_cast<double>(kPixels) + 0.01 * at::eye(kPixels, at::kDouble);
}

at::Tensor random_power() {
  const at::Tensor power = normal("power", kImage, 1)[0].square();
  return 0.5 * (power + power.flip({1, 2}).roll({1, 1}, {1, 2}));
}

std::vector<std::shared_ptr<GaussianPrior>> every_prior() {
  const at::Tensor mean = 0.3 * normal("mean", kImage, 1)[0];
  return {std::make_shared<GaussianPrior>(mean, Covariance::isotropic(kImage, 0.49)),
          std::make_shared<GaussianPrior>(mean, Covariance::full(kImage, random_covariance())),
          std::make_shared<GaussianPrior>(mean, Covariance::stationary(random_power()))};
}

std::vector<NoiseLevel> some_levels() {
  std::vector<NoiseLevel> levels;
  for (const NoiseSchedule& schedule : {NoiseSchedule::vp_linear(), NoiseSchedule(VeGeometricSchedule{}),
                                        NoiseSchedule(EdmRhoSchedule{}), NoiseSchedule(FlowSchedule{})}) {
    for (const NoiseLevel& level : schedule.steps(4, Spacing::uniform_log_snr)) levels.push_back(level);
  }
  return levels;
}

// The stationary covariance as its definition: circulant, with the inverse DFT of the power spectrum as its kernel.
TEST(Covariance, StationaryIsTheCirculantOfItsSpectrum) {
  const at::Tensor power = random_power();
  const at::Tensor kernel = at::real(at::fft_ifft2(power)), dense = Covariance::stationary(power).dense();
  for (std::int64_t a = 0; a < kPixels; ++a) {
    for (std::int64_t b = 0; b < kPixels; ++b) {
      const std::int64_t dy = (a % 12 / 4 - b % 12 / 4 + 3) % 3, dx = (a % 4 - b % 4 + 4) % 4;
      const double expected = a / 12 == b / 12 ? kernel[a / 12][dy][dx].item<double>() : 0;
      EXPECT_NEAR(dense[a][b].item<double>(), expected, 20 * kEpsilon * largest(power));
    }
  }
  EXPECT_NEAR(dense.diagonal().mean().item<double>(), power.mean().item<double>(), 20 * kEpsilon * largest(power));
}

TEST(Covariance, RefusesWhatIsNoCovariance) {
  const at::Tensor good = random_covariance();
  EXPECT_LT(largest(Covariance::full(kImage, good).dense() - good), 1e3 * kEpsilon * largest(good));
  at::Tensor skew = good.clone();
  skew[0][1] += 0.1;
  EXPECT_THROW(Covariance::full(kImage, skew), Error);
  EXPECT_THROW(Covariance::full(kImage, good - 10 * at::eye(kPixels, at::kDouble)), Error);
  EXPECT_THROW(Covariance::full({1, 3, 4}, good), Error);
  EXPECT_THROW(Covariance::isotropic(kImage, 0), Error);
  EXPECT_THROW(Covariance::stationary(normal("one-sided", kImage, 1)[0].square()), Error);
  EXPECT_THROW(Covariance::stationary(-random_power()), Error);
  EXPECT_THROW(GaussianPrior(at::zeros({1, 3, 4}), Covariance::isotropic(kImage, 1)), Error);
}

// E[x_0 | x_t] by the dense formula for jointly Gaussian x_0 and x_t.
TEST(GaussianPrior, DenoisesExactlyAtAnyLevelOfAnySchedule) {
  for (const auto& prior : every_prior()) {
    const at::Tensor S = prior->covariance().dense(), I = at::eye(kPixels, at::kDouble);
    for (const NoiseLevel& level : some_levels()) {
      const auto [alpha, sigma] = level;
      const at::Tensor x_t = alpha * prior->sample(Rng(3, "x"), keys(2), at::kDouble) + sigma * normal("eps", kImage);
      const at::Tensor d = (x_t - alpha * prior->mean()).flatten(1);
      const auto conditional = [&](double cross, double noise) {
        const at::Tensor solved = at::linalg_solve(alpha * alpha * S + noise * I, d.t());
        return prior->mean() + cross * at::matmul(S, solved).t().reshape(x_t.sizes());
      };
      const at::Tensor x0 = prior->denoise(x_t, level);
      // The solve's condition number is at most 1 + ||S|| / r²; both sides also round at x_t / alpha.
      const double r = sigma / alpha, tolerance = 1e3 * kEpsilon * (1 + largest(S) * kPixels / (r * r) + r);
      EXPECT_LT(largest(x0 - conditional(alpha, sigma * sigma)), tolerance);
      if (r > 0.3 && r < 3 && alpha < 0.9) {  // the usual slips are seen where noise and signal compare
        EXPECT_GT(largest(x0 - conditional(alpha, sigma)), 1e-3);
        EXPECT_GT(largest(x0 - conditional(1, sigma * sigma)), 1e-3);
        EXPECT_GT(largest(x0 - conditional(alpha, r * r)), 1e-3);
      }
    }
  }
}

// Seed 003: x_0 ~ N(0, 1) under a VP process has E[x_0 | x_t] = alpha x_t.
TEST(GaussianPrior, TweedieOfTheUnitGaussian) {
  const GaussianPrior prior(at::zeros({1, 1, 1}), Covariance::isotropic({1, 1, 1}, 1));
  for (const double t : {0.0, 120.0, 500.0, 999.0}) {
    const NoiseLevel level = prior.schedule().at(t);
    const at::Tensor x_t = at::linspace(-3, 3, 7, at::kDouble).view({7, 1, 1, 1});
    EXPECT_LT(largest(prior.denoise(x_t, level) - level.alpha * x_t), 20 * kEpsilon);
    EXPECT_LT(largest(prior.score(x_t, level) + x_t), 20 * kEpsilon * 3 / (level.sigma * level.sigma));
  }
}

TEST(GaussianPrior, ScoreIsTheGradientOfTheLogDensity) {
  const double h = 1e-4;
  for (const auto& prior : every_prior()) {
    for (const double t : {100.0, 400.0, 900.0}) {
      const NoiseLevel level = prior->schedule().at(t);
      const at::Tensor x_t = normal("x_t", kImage), u = normal("direction", kImage);
      const at::Tensor up = prior->log_density(x_t + h * u, level), down = prior->log_density(x_t - h * u, level);
      const at::Tensor slope = (up - down) / (2 * h);  // exact for a quadratic but for rounding
      const at::Tensor inner = (prior->score(x_t, level) * u).flatten(1).sum(1);
      EXPECT_LT(largest(slope - inner), 100 * kEpsilon * largest(up) / h) << prior->name() << " t " << t;
      EXPECT_LT(largest(prior->score(x_t, level) + prior->epsilon(x_t, level) / level.sigma),
                1e3 * kEpsilon / (level.sigma * level.sigma));
    }
  }
}

TEST(GaussianPrior, LogDensityIsNormalised) {
  const GaussianPrior prior(at::full({1, 1, 1}, 0.2), Covariance::isotropic({1, 1, 1}, 0.3));
  const NoiseLevel level{0.6, 0.5};
  const at::Tensor grid = at::linspace(-12, 12, 4001, at::kDouble).view({-1, 1, 1, 1});
  // The trapezoid rule converges faster than any power on a Gaussian; its ends are 18 standard deviations away.
  EXPECT_NEAR(prior.log_density(grid, level).exp().sum().item<double>() * 24 / 4000, 1, 1e-12);
}

TEST(GaussianPrior, PullbackIsTheTransposedJacobian) {
  for (const auto& prior : every_prior()) {
    for (const NoiseLevel& level : {NoiseLevel{0.8, 0.6}, NoiseLevel{1, 3}}) {
      const at::Tensor x_t = normal("x_t", kImage), v = normal("v", kImage), u = normal("u", kImage);
      const Linearized at_x = prior->linearize(x_t, level);
      EXPECT_TRUE(at::equal(at_x.x0, prior->denoise(x_t, level)));
      EXPECT_FALSE(at_x.x0.requires_grad());
      // The denoiser is affine: a difference is its Jacobian applied.
      const at::Tensor Ju = prior->denoise(x_t + u, level) - prior->denoise(x_t, level);
      const at::Tensor expected = (v * Ju).flatten(1).sum(1), got = (at_x.pullback(v) * u).flatten(1).sum(1);
      EXPECT_LT(largest(expected - got), 1e3 * kEpsilon * kPixels);
    }
  }
}

TEST(GaussianPrior, DenoisingMseIsTheMeanSquaredErrorOfTheDenoiser) {
  const std::int64_t draws = 4000;
  for (const auto& prior : every_prior()) {
    for (const double r : {0.05, 0.5, 5.0}) {
      const at::Tensor x0 = prior->sample(Rng(1, "mse"), keys(draws), at::kDouble);
      const at::Tensor x_t = x0 + r * normal("noise", kImage, draws);
      const at::Tensor errors = (prior->denoise(x_t, {1, r}) - x0).square().flatten(1).mean(1);
      const double standard_error = errors.std().item<double>() / std::sqrt(static_cast<double>(draws));
      EXPECT_NEAR(errors.mean().item<double>(), prior->denoising_mse(r), 5 * standard_error);
    }
    EXPECT_EQ(prior->denoising_mse(0), 0);
  }
}

TEST(GaussianPrior, SamplesHaveTheCovariance) {
  const std::int64_t draws = 20000;
  for (const auto& prior : every_prior()) {
    const at::Tensor d = (prior->sample(Rng(2, "s"), keys(draws), at::kDouble) - prior->mean()).flatten(1);
    const at::Tensor S = prior->covariance().dense(), variance = S.diagonal();
    const at::Tensor empirical = at::matmul(d.t(), d) / static_cast<double>(draws);
    const at::Tensor standard_error = ((variance.outer(variance) + S.square()) / static_cast<double>(draws)).sqrt();
    EXPECT_LT(largest((empirical - S) / standard_error), 5);  // 300 entries: the largest of them is near 3
    EXPECT_LT(largest(d.mean(0) / (variance / static_cast<double>(draws)).sqrt()), 5);
  }
}

// The information form (S^-1 + A^T A / s²)^-1, which shares nothing with the Kalman form of the product.
TEST(GaussianPrior, PosteriorEqualsTheInformationForm) {
  const double noise_std = 0.2;
  const at::Tensor A = normal("A", {9, kPixels}, 1)[0], y = normal("y", {9});
  for (const auto& prior : every_prior()) {
    const at::Tensor S = prior->covariance().dense(), mean = prior->mean().flatten();
    const at::Tensor precision = at::linalg_inv(S) + at::matmul(A.t(), A) / (noise_std * noise_std);
    const at::Tensor covariance = at::linalg_inv(precision);
    const at::Tensor shift = at::matmul((y - at::matmul(A, mean)), A) / (noise_std * noise_std);
    const GaussianPosterior posterior = prior->posterior(A, y, noise_std);
    const double condition = (at::linalg_cond(S) * at::linalg_cond(precision)).item<double>();
    const double tolerance = 100 * kEpsilon * condition * largest(S);
    EXPECT_LT(largest(posterior.covariance - covariance), tolerance);
    EXPECT_LT(largest(posterior.mean.flatten(1) - mean - at::matmul(shift, covariance)), tolerance * largest(shift));
    EXPECT_LT(largest(posterior.std.flatten().square() - covariance.diagonal()), tolerance);
  }
  EXPECT_THROW(every_prior()[0]->posterior(A, y, 0), Error);
  EXPECT_THROW(every_prior()[0]->posterior(A.t(), y, 1), Error);
}

TEST(GaussianPrior, SinglePrecisionFollowsDouble) {
  for (const auto& prior : every_prior()) {
    const at::Tensor x_t = normal("x_t", kImage);
    const at::Tensor single = prior->denoise(x_t.to(at::kFloat), {0.8, 0.6});
    EXPECT_EQ(single.scalar_type(), at::kFloat);
    EXPECT_LT(largest(single - prior->denoise(x_t, {0.8, 0.6})), 0x1p-23 * 10 * kPixels);
  }
}

TEST(Prior, ChecksItsInputAndTheCleanEnd) {
  const auto prior = every_prior().front();
  const at::Tensor x = normal("x", kImage);
  EXPECT_TRUE(at::equal(prior->denoise(x, {0.5, 0}), x / 0.5));
  EXPECT_TRUE(at::equal(prior->linearize(x, {0.5, 0}).pullback(x), x / 0.5));
  EXPECT_THROW(prior->score(x, {1, 0}), Error);
  EXPECT_THROW(prior->epsilon(x, {1, 0}), Error);
  EXPECT_THROW(prior->velocity(x, {1, 0}), Error);
  EXPECT_THROW(prior->predict(Prediction::flow_to_noise, x, {1, 0}), Error);
  EXPECT_TRUE(at::equal(prior->predict(Prediction::x0, x, {0.5, 0}), x / 0.5));
  EXPECT_THROW(prior->denoise(x, {0, 1}), Error);
  EXPECT_THROW(prior->denoise(x, {1, std::nan("")}), Error);
  EXPECT_THROW(prior->denoise(x.slice(1, 0, 1), {0.8, 0.6}), Error);   // channels
  EXPECT_THROW(prior->denoise(x.slice(2, 0, 2), {0.8, 0.6}), Error);   // size
  EXPECT_THROW(prior->denoise(x[0], {0.8, 0.6}), Error);               // no batch axis
  EXPECT_THROW(prior->denoise(at::complex(x, x), {0.8, 0.6}), Error);  // scalar kind
  EXPECT_FALSE(prior->denoise(x.clone().requires_grad_(true), {0.8, 0.6}).requires_grad());
}

TEST(ChannelwisePrior, TreatsEachChannelAlone) {
  const Shape grey{1, 3, 4};
  const auto inner = std::make_shared<GaussianPrior>(0.1 * normal("grey mean", grey, 1)[0],
                                                     Covariance::stationary(random_power().slice(0, 0, 1)));
  const ChannelwisePrior prior(inner, 3);
  EXPECT_EQ(prior.domain().channels, 3);
  EXPECT_EQ(prior.domain().fixed_size, inner->domain().fixed_size);
  const NoiseLevel level{0.8, 0.6};
  const at::Tensor x = normal("rgb", {3, 3, 4}), v = normal("v rgb", {3, 3, 4});
  const Linearized all = prior.linearize(x, level);
  const at::Tensor vjp = all.pullback(v);
  for (std::int64_t c = 0; c < 3; ++c) {
    const Linearized one = inner->linearize(x.slice(1, c, c + 1), level);
    EXPECT_LT(largest(all.x0.slice(1, c, c + 1) - one.x0), 20 * kEpsilon);
    EXPECT_LT(largest(vjp.slice(1, c, c + 1) - one.pullback(v.slice(1, c, c + 1))), 20 * kEpsilon);
  }
  EXPECT_EQ(prior.denoising_mse(0.3), inner->denoising_mse(0.3));
  EXPECT_THROW(ChannelwisePrior(every_prior().front(), 3), Error);  // it has two channels already
  EXPECT_THROW(ChannelwisePrior(inner, 0), Error);
}

}  // namespace
}  // namespace recon
