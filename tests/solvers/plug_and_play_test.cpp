#include "recon/solvers/posterior/plug_and_play.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/gaussian_mixture_prior.h"
#include "recon/solvers/posterior/diffpir.h"
#include "tests/solvers/closed_form.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

const std::vector<std::string> kTasks = {"blur", "inpaint", "sr", "fourier"};

ClosedForm one_image(const std::string& task) {
  return closed_form(task, {.size = 24, .items = 2, .samples = 1, .dtype = at::kDouble});
}

PlugAndPlay constant(const std::string& method, double sigma, double lambda, std::int64_t steps) {
  PlugAndPlay solver;
  solver.method = word(method);
  solver.steps = steps;
  solver.lambda = lambda;
  solver.start_relative_sigma = sigma;
  solver.end_relative_sigma = sigma;
  return solver;
}

double rms(const at::Tensor& x) { return x.square().mean().sqrt().item<double>(); }

/// The posterior mean for noise of covariance `noise` on the measured rows.
at::Tensor mean_for(const ClosedForm& c, const at::Tensor& matrix, const at::Tensor& noise) {
  const at::Tensor cross = at::matmul(c.prior->covariance().dense(), matrix.t());
  const at::Tensor gain = at::linalg_solve(at::matmul(matrix, cross) + noise, cross.t()).t();
  return at::matmul(measured_rows(*c.op, c.problem.y), gain.t()).reshape_as(c.mean);
}

// A Gaussian prior's denoiser is a proximal map, so both splittings have known limits at a constant level.
TEST(PlugAndPlay, LimitsAtAConstantLevelAreTheFormulas) {
  for (const std::string& task : kTasks) {
    const ClosedForm c = one_image(task);
    const at::Tensor A = dense_matrix(*c.op), I = at::eye(A.size(0), at::kDouble);
    for (const double lambda : {1.0, 0.3}) {
      const double s = 0.1, variance = lambda * 0.05 * 0.05;
      const auto solved = [&](const char* method, std::int64_t steps) {
        return constant(method, s, lambda, steps).solve(c.problem, c.prior.get(), {}).x;
      };
      const at::Tensor exact = mean_for(c, A, variance * I);
      const at::Tensor split = mean_for(c, A, variance * I + s * s * at::matmul(A, A.t()));
      // Steps contract by at most (1 - s²/(s² + largest prior variance in a direction ~ 10)) a step, slowest where
      // nothing was measured, which is where the start is right already.
      EXPECT_LT(rms(solved("admm", 400) - exact), 1e-3 * rms(exact)) << task << lambda;
      EXPECT_LT(rms(solved("hqs", 3000) - split), 1e-3 * rms(split)) << task << lambda;
      EXPECT_GT(rms(exact - split), 1e-2 * rms(exact)) << "the two must differ to be told apart";
    }
  }
}

TEST(PlugAndPlay, TheBiasOnTheGaussianPosteriorIsRecorded) {
  for (const std::string& task : kTasks) {
    const ClosedForm c = closed_form(task, {.size = 32, .items = 4, .samples = 1});
    for (const std::string method : {"hqs", "admm", "admm, lambda 1"}) {
      PlugAndPlay solver;
      solver.method = word(method.substr(0, method.find(',')));
      if (method == "hqs") solver.lambda = 0.23;
      if (method == "admm, lambda 1") solver.lambda = 1;
      const Report report = solver.solve(c.problem, c.prior.get(), {});
      const double error = rms(report.x.to(at::kDouble) - c.mean) / c.std;
      std::printf("%-8s %-14s distance of the image from the posterior mean %.3f x posterior std %.4f, chi2 %.2f\n",
                  task.c_str(), method.c_str(), error, c.std, report.chi2[0]);
      // The worst recorded: 0.33 (blur by hqs with DPIR's lambda), 0.055 (inpaint) with the Gaussian prior's lambda of 1.
      EXPECT_LT(error, solver.lambda == 1 ? 0.1 : 0.45) << task << method;
      EXPECT_EQ(report.nfe_backward.front(), 0);
    }
  }
}

void expect_each_alone(const Solver& solver, const ClosedForm& c, const Report& both) {
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto entry = static_cast<std::size_t>(i);
    Problem one = c.problem;
    one.y = c.problem.y.slice(0, i, i + 1);
    one.noise_std = {c.problem.noise_std[entry]};
    one.keys = {c.problem.keys[entry]};
    const Report alone = solver.solve(one, c.prior.get(), {});
    EXPECT_LT((alone.x[0] - both.x[i]).abs().max().item<double>(), 1e-12) << i;
    EXPECT_EQ(alone.nfe_forward.front(), both.nfe_forward[entry]) << i;
    EXPECT_NEAR(alone.chi2.front(), both.chi2[entry], 1e-9) << i;
  }
}

TEST(PlugAndPlay, EntriesOfUnequalNoiseDoNotMeet) {
  ClosedForm c = one_image("blur");
  c.problem.noise_std = {0.05, 0.01};
  PlugAndPlay solver;
  solver.steps = 8;
  const Report both = solver.solve(c.problem, c.prior.get(), {});
  EXPECT_EQ(both.nfe_forward, (std::vector<std::int64_t>{8, 8}));
  expect_each_alone(solver, c, both);
}

// Without `steps` the cleaner entry takes more, and comes out at its place although it goes through the loop last.
TEST(PlugAndPlay, StepsFollowTheNoiseOfEachEntry) {
  ClosedForm c = one_image("inpaint");
  c.problem.noise_std = {0.02, 0.2};
  const Report both = PlugAndPlay().solve(c.problem, c.prior.get(), {});
  EXPECT_EQ(both.nfe_forward, (std::vector<std::int64_t>{33, 12})) << "12 + 24 log10(0.15 / 0.02)";
  expect_each_alone(PlugAndPlay(), c, both);
  const Report diffpir = DiffPir().solve(c.problem, c.prior.get(), {});
  EXPECT_EQ(diffpir.nfe_forward, (std::vector<std::int64_t>{80, 30}));
  expect_each_alone(DiffPir(), c, diffpir);
}

// Two far modes, an image of one of them with a missing half: the other mode's values must not leak in.
TEST(PlugAndPlay, FindsTheModeOfAMixture) {
  const std::int64_t n = 8;
  const at::Tensor bright = at::full({1, n, n}, 0.6, at::kDouble);
  const auto covariance = [&] { return photograph_like_prior(n)->covariance(); };
  std::vector<MixtureComponent> modes;
  modes.push_back({.weight = 0.5, .mean = bright, .covariance = covariance()});
  modes.push_back({.weight = 0.5, .mean = -bright, .covariance = covariance()});
  const GaussianMixturePrior prior(std::move(modes));
  const LinearOperatorPtr op = task_operator("inpaint", n);
  const at::Tensor truth = prior.sample(Rng(4, "truth"), {{0, 0}, {1, 0}, {2, 0}, {3, 0}}, at::kDouble);
  at::Tensor noise = 0.05 * Rng(4, "noise").normal({{0, 0}, {1, 0}, {2, 0}, {3, 0}}, 0, op->range(), at::kDouble);
  const at::Tensor y = op->apply(truth) + noise * op->support();
  const MixturePosterior exact = prior.posterior(dense_matrix(*op), measured_rows(*op, y), 0.05);
  const Problem problem{.op = op,
                        .y = y,
                        .noise_std = {0.05, 0.05, 0.05, 0.05},
                        .keys = {{0, 0}, {1, 0}, {2, 0}, {3, 0}},
                        .image = op->domain()};
  for (const std::string method : {"hqs", "admm"}) {
    PlugAndPlay solver;
    solver.method = word(method);
    if (method == "hqs") solver.lambda = 0.23;
    const double error = rms(solver.solve(problem, &prior, {}).x - exact.mean) / rms(exact.std);
    std::printf("mixture %s: distance from the posterior mean %.3f x posterior std\n", method.c_str(), error);
    EXPECT_LT(error, 0.6) << method;
  }
}

}  // namespace
}  // namespace recon::test
