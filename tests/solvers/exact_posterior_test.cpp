#include "recon/solvers/posterior/exact_posterior.h"

#include <gtest/gtest.h>

#include <cmath>

#include "operators/noise.h"
#include "priors/gaussian_mixture_prior.h"
#include "tests/solvers/closed_form.h"
#include "tests/support/build_operator.h"

namespace recon::test {
namespace {

constexpr std::int64_t kSide = 16;
constexpr double kWidth = 0.05, kNoise = 0.4;

std::vector<StreamKey> keys_of(std::uint32_t count) {
  std::vector<StreamKey> result;
  for (std::uint32_t i = 0; i < count; ++i) result.push_back({7, i});
  return result;
}

/// Eight smooth images, so alike that the noise cannot tell them apart.
EmpiricalPrior smooth_images(double width = kWidth) {
  return EmpiricalPrior(0.4 * photograph_like_prior(kSide)->sample(Rng(2, "images"), keys_of(8), at::kDouble), width);
}

/// The dense posterior of the same mixture: another formula (Kalman's, with determinants) by another code.
MixturePosterior dense_posterior(const EmpiricalPrior& prior, const Operator& op, const at::Tensor& y,
                                 double noise_std = kNoise) {
  std::vector<MixtureComponent> components;
  for (std::int64_t k = 0; k < prior.images().size(0); ++k) {
    components.push_back(
        {1, prior.images()[k], Covariance::isotropic({1, kSide, kSide}, prior.width() * prior.width())});
  }
  return GaussianMixturePrior(std::move(components)).posterior(dense_matrix(op), measured_rows(op, y), noise_std);
}

at::Tensor measured(const EmpiricalPrior& prior, const Operator& op, double noise_std = kNoise) {
  const Noise noise{.type = NoiseType::gaussian, .std = {noise_std}, .peak = 0};
  return with_noise(noise, op.apply(prior.images().narrow(0, 0, 1)), Rng(1, "noise"), keys_of(1), op.support());
}

// A blur (closed form), missing pixels (a mask), Fourier data (complex rows of real images), projections (by CG).
TEST(ExactPosterior, WeightsAndMeanAreTheDenseMixtures) {
  for (const std::string task : {"blur", "inpaint", "fourier", "radon"}) {
    const LinearOperatorPtr op = task_operator(task, kSide);
    const double noise = task == "radon" ? 3 : kNoise;  // sums over lines are large
    // Of clouds as wide as the noise the covariance of the data decides.
    for (const double width : {kWidth, 0.3}) {
      const EmpiricalPrior prior = smooth_images(width);
      const at::Tensor y = measured(prior, *op, noise);
      const EmpiricalPosterior found = empirical_posterior(prior, *op, y, noise * noise);
      const MixturePosterior exact = dense_posterior(prior, *op, y, noise);
      // The solve errs by 1e-6 of the right-hand side.
      EXPECT_LT((found.weights - exact.weights[0]).abs().max().item<double>(), 1e-5) << task;
      EXPECT_LT((found.mean - exact.mean).abs().max().item<double>(), 1e-5) << task;
      EXPECT_LT(found.weights.max().item<double>(), 0.99) << task << ": a task in which nothing is open shows nothing";
    }
  }
}

TEST(ExactPosterior, DrawsHaveTheExactLaw) {
  constexpr std::uint32_t count = 2000;
  const LinearOperatorPtr op = task_operator("inpaint", kSide);
  const EmpiricalPrior prior = smooth_images(0.3);
  const at::Tensor y = measured(prior, *op);
  const MixturePosterior exact = dense_posterior(prior, *op, y);
  const Problem problem{.op = op,
                        .y = y.expand({count, -1, -1, -1}).to(at::kFloat).contiguous(),
                        .noise_std = std::vector<double>(count, kNoise),
                        .keys = keys_of(count),
                        .image = op->domain()};
  const at::Tensor x = ExactPosterior().solve(problem, &prior, {}).x.to(at::kDouble);
  // Largest of 256 pixels in standard errors: above 5 once in ten thousand times.
  const double standard_error = 1 / std::sqrt(static_cast<double>(count));
  EXPECT_LT(((x.mean(0, true) - exact.mean) / exact.std).abs().max().item<double>(), 5 * standard_error);
  EXPECT_LT((x.std(0).unsqueeze(0) / exact.std - 1).abs().max().item<double>(), 5 * standard_error);
  // Each draw depends on its key only.
  Problem one = problem;
  one.y = problem.y.narrow(0, 17, 1);
  one.keys = {problem.keys[17]};
  one.noise_std = {kNoise};
  const at::Tensor alone = ExactPosterior().solve(one, &prior, {}).x.to(at::kDouble);
  EXPECT_LT((alone[0] - x[17]).abs().max().item<double>(), 1e-6);
}

TEST(ExactPosterior, AGaussianPriorsDrawsHaveItsLaw) {
  for (const char* task : {"blur", "inpaint", "sr", "fourier"}) {
    const ClosedForm exact = closed_form(task, {.size = 16, .items = 2, .samples = 64});
    const Agreement found = compare(exact, ExactPosterior().solve(exact.problem, exact.prior.get(), {}));
    // Some 15 independent pixels per item: four standard errors of 1/sqrt(60) and 1/sqrt(2 · 63 · 30).
    EXPECT_NEAR(found.mean_ratio, 1, 0.52) << task;
    EXPECT_NEAR(found.std_ratio, 1, 0.065) << task;
    // The data of two items have a chi² of their own.
    EXPECT_NEAR(found.residual, 1, 4 / std::sqrt(4.0 * static_cast<double>(exact.op->measured_components()))) << task;
  }
}

// Width -> 0: Bayes' rule on the residuals, and draws that are the images themselves.
TEST(ExactPosterior, NonlinearDataWeighTheImagesByTheirResiduals) {
  const EmpiricalPrior prior = smooth_images();
  const OperatorPtr op = build_operator(R"({"type": "fourier_magnitude"})", {{1, kSide, kSide}, ScalarKind::real});
  const at::Tensor y = measured(prior, *op);
  std::vector<double> likelihood;
  double total = 0;
  for (std::int64_t k = 0; k < 8; ++k) {
    const double energy = squared_norms(y - op->apply(prior.images().narrow(0, k, 1))).item<double>();
    likelihood.push_back(std::exp(-0.5 * energy / (kNoise * kNoise)));
    total += likelihood.back();
  }
  const EmpiricalPosterior found = empirical_posterior(prior, *op, y, kNoise * kNoise);
  for (std::int64_t k = 0; k < 8; ++k) {
    EXPECT_NEAR(found.weights[k].item<double>(), likelihood[static_cast<std::size_t>(k)] / total, 1e-10);
  }
  const Problem problem{
      .op = op, .y = y.to(at::kFloat), .noise_std = {kNoise}, .keys = keys_of(1), .image = op->domain()};
  const at::Tensor x = ExactPosterior().solve(problem, &prior, {}).x;
  const at::Tensor distances = (x - prior.images()).abs().amax({1, 2, 3});
  EXPECT_LT(distances.min().item<double>(), 1e-7);
}

TEST(ExactPosterior, SaysWhichPriorsHaveOne) {
  const ClosedForm exact = closed_form("blur", {.size = kSide, .items = 1, .samples = 1});
  const GaussianMixturePrior mixture({{1, exact.prior->mean(), exact.prior->covariance()}});
  EXPECT_THROW(ExactPosterior().solve(exact.problem, &mixture, {}), Error);
  EXPECT_THROW(ExactPosterior().solve(exact.problem, nullptr, {}), Error);
}

}  // namespace
}  // namespace recon::test
