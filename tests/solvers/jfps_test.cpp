// Jacobian-free posterior sampling: right for Gaussians whose power spectrum is known, without a backward pass.
#include "recon/solvers/posterior/jfps.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/gaussian_mixture_prior.h"
#include "recon/core/error.h"
#include "tests/solvers/posterior_judge.h"

namespace recon::test {
namespace {

Jfps of_steps(std::int64_t steps) {
  Jfps solver;
  solver.sampling.steps = steps;
  return solver;
}

TEST(Jfps, GaussianPosteriorIsMet) {
  for (const char* task : {"blur", "inpaint", "sr", "fourier"}) {
    const Agreement found =
        judged(closed_form(task, {.size = 32, .items = 2, .samples = 16}), of_steps(50), "jfps, 50");
    EXPECT_NEAR(found.mean_ratio, 1, 3 * kMeanRatioError) << task;
    EXPECT_NEAR(found.std_ratio, 1, 3 * kStdRatioError) << task;
    EXPECT_NEAR(found.residual, 1, 0.1) << task;
  }
}

TEST(Jfps, NothingIsPassedBack) {
  const ClosedForm c = closed_form("blur", {.size = 16, .items = 2, .samples = 1});
  const Report report = of_steps(7).solve(c.problem, c.prior.get(), {});
  EXPECT_EQ(report.nfe_forward.front(), 7);
  EXPECT_EQ(report.nfe_backward.front(), 0);
}

/// A Gaussian's denoiser that is said to be better than it can be.
class StatedBetter final : public Prior {
 public:
  StatedBetter(std::shared_ptr<const GaussianPrior> prior, double error)
      : Prior("better", prior->domain(), prior->schedule()), prior_(std::move(prior)), error_(error) {}
  double denoising_mse(double r) const override { return error_ * prior_->denoising_mse(r); }
  at::Tensor power_spectrum(std::int64_t height, std::int64_t width) const override {
    return prior_->power_spectrum(height, width);
  }

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override {
    return denoise_on_tape(*prior_, x_t, level);
  }

  std::shared_ptr<const GaussianPrior> prior_;
  double error_;
};

constexpr double kStart = 0.8;  // relative sigma of the single step

at::Tensor single_step(const ClosedForm& c, const Prior& prior) {
  Jfps solver = of_steps(1);
  solver.sampling.start.relative_sigma = kStart;
  solver.solves = 30;
  return solver.solve(c.problem, &prior, {}).x;
}

// The one step ends on D_y; where the stated error is s of the Gaussian's own, V is that of the spectrum's share whose
// mean variance is s of it.
TEST(Jfps, CovarianceHasTheVarianceThatThePriorStates) {
  const ClosedForm c = closed_form("inpaint", {.size = 16, .items = 2, .samples = 1, .dtype = at::kDouble});
  const NoiseLevel level = c.prior->schedule().steps(1, Spacing::uniform_log_snr, kStart)[0];
  const double r2 = level.relative_sigma() * level.relative_sigma();
  const at::Tensor x_t = level.sigma * Rng(0, "jfps").normal(c.problem.keys, 0, c.problem.image, at::kDouble);
  const at::Tensor x0 = c.prior->denoise(x_t, level), matrix = dense_matrix(*c.op);
  const at::Tensor innovation = measured_rows(*c.op, c.problem.y) - at::matmul(x0.flatten(1), matrix.t());
  const at::Tensor power = c.prior->covariance().eigenvalues();
  const auto variance = [&](double share) { return r2 * share * power / (share * power + r2); };
  const auto expected = [&](double share) {
    const at::Tensor v = Covariance::stationary(variance(share)).dense();
    return x0 + gaussian_posterior(at::zeros_like(x0[0]), v, matrix, innovation, c.problem.noise_std[0]).mean;
  };
  const auto off = [](const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); };
  EXPECT_LT(off(single_step(c, *c.prior), expected(1)), 1e-5);
  EXPECT_LT(off(single_step(c, StatedBetter(c.prior, 1.5)), expected(1)), 1e-5) << "no more than the Gaussian's";
  double share = 1;
  const double stated = 0.5 * c.prior->denoising_mse(level.relative_sigma());
  while (variance(share).mean().item<double>() > stated) share *= 0.9999;
  EXPECT_LT(off(single_step(c, StatedBetter(c.prior, 0.5)), expected(share)), 1e-4);
  EXPECT_GT(off(expected(share), expected(1)), 1e-2) << "a share that changes nothing shows nothing";
}

TEST(Jfps, NeedsThePowerSpectrum) {
  const ClosedForm c = closed_form("blur", {.size = 16, .items = 1, .samples = 1});
  const GaussianMixturePrior unknown(
      {{.weight = 1, .mean = at::zeros({1, 16, 16}), .covariance = Covariance::isotropic({1, 16, 16}, 1)}});
  try {
    Jfps().solve(c.problem, &unknown, {});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    for (const char* part : {"power_spectrum", "--denoise", "dps"}) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace recon::test
