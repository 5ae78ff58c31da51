#include "recon/solvers/classical/richardson_lucy.h"

#include <gtest/gtest.h>

#include "operators/algebra.h"
#include "operators/identity.h"
#include "operators/noise.h"
#include "recon/core/error.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

at::Tensor bright(std::int64_t size) { return phantom(size) + 1; }

/// Photon counts of `truth`, whitened as recon/pipeline/solve/image_mapping.cpp does it.
Problem counted(const LinearOperatorPtr& op, const at::Tensor& truth, double peak) {
  Noise noise;
  noise.type = NoiseType::poisson;
  noise.peak = peak;
  const at::Tensor y = with_noise(noise, op->apply(truth), Rng(3, "counts"), {{0, 0}}, op->support());
  const at::Tensor variance = noise_variance(noise, y);
  const double std = std::sqrt(variance.mean().item<double>());
  const at::Tensor weights = std / variance.sqrt();
  return {.op = whitened(op, weights),
          .y = y * weights,
          .noise_std = {std},
          .keys = {{0, 0}},
          .image = op->domain(),
          .whitening = weights};
}

RichardsonLucy plain(std::int64_t iterations) {
  RichardsonLucy solver;
  solver.tv = 0;
  solver.stopping = word("none");
  solver.max_iterations = iterations;
  return solver;
}

const LinearOperator& linear(const OperatorPtr& op) { return dynamic_cast<const LinearOperator&>(*op); }

/// The Kullback-Leibler distance of the counts behind a problem, up to a constant.
double distance(const Problem& problem, const at::Tensor& x) {
  const at::Tensor counts = problem.y / problem.whitening, mean = problem.op->apply(x) / problem.whitening;
  return (mean - at::xlogy(counts, mean)).sum().item<double>();
}

TEST(RichardsonLucy, EveryStepKeepsTheTotalAndRaisesTheLikelihood) {
  const Problem problem = counted(task("blur", 24), bright(24), 200);
  double before = std::numeric_limits<double>::infinity();
  for (const std::int64_t iterations : {1, 2, 5, 20, 60}) {
    const at::Tensor x = solve(plain(iterations), problem).x;
    // The blur keeps sums (A^T 1 = 1).
    EXPECT_NEAR(x.sum().item<double>() / (problem.y / problem.whitening).sum().item<double>(), 1, 1e-10);
    EXPECT_GE(x.min().item<double>(), 0);
    const double now = distance(problem, x);
    EXPECT_LT(now, before) << iterations;
    before = now;
  }
}

// Two exposures of one image, x and 3 x: the likelihood's maximum is (y_1 + y_2) / (1 + 3), whatever the whitening;
// without undoing the whitening it would be another weighted mean.
TEST(RichardsonLucy, ConvergesToTheMaximumLikelihoodOfCounts) {
  const OperatorPtr one = make_identity(grey(12));
  const auto op = std::dynamic_pointer_cast<const LinearOperator>(stack({one, scaled(one, 3)}));
  const Problem problem = counted(op, bright(12), 50);
  const at::Tensor counts = (problem.y / problem.whitening).view({1, 2, 12, 12});
  const at::Tensor exact = counts.sum(1, true) / 4;
  EXPECT_LT(largest(solve(plain(50), problem).x - exact), 1e-12);
  Problem forgotten = problem;
  forgotten.whitening = at::Tensor();
  EXPECT_GT(largest(solve(plain(50), forgotten).x - exact), 1e-2);
}

// A zero border loses light: the sensitivity A^T 1 is below one there and an even image must stay even.
TEST(RichardsonLucy, TheOperatorsBorderIsHonoured) {
  const at::Tensor kernel = at::ones({5, 5}, at::kDouble) / 25;
  const LinearOperatorPtr op = make_blur(grey(16), kernel, Boundary::zero, "box");
  const at::Tensor even = at::full({1, 1, 16, 16}, 0.7, at::kDouble);
  const Problem problem{.op = op, .y = op->apply(even), .noise_std = {0.0}, .keys = {{0, 0}}, .image = op->domain()};
  RichardsonLucy solver;
  EXPECT_LT(largest(solve(solver, problem).x - even), 1e-10);
}

// At a fixed point x (s (1 + tv D^T(D x / |D x|)) - A^T(y / A x)) = 0: the optimality conditions of likelihood plus
// total variation where s is even.
TEST(RichardsonLucy, EndsAtTheOptimalityConditions) {
  const Problem problem = counted(task("blur", 16), bright(16), 500);
  RichardsonLucy solver = plain(4000);
  solver.tv = 0.02;
  const at::Tensor x = solve(solver, problem).x;
  const auto conditions = [&](const at::Tensor& image, double tv) {
    const ImageGradient g = image_gradient(image);
    const double floor = 8 * 0.02 * image.max().item<double>();
    const at::Tensor length = (g.vertical.square() + g.horizontal.square() + floor * floor).sqrt();
    const at::Tensor curvature = image_gradient_adjoint({g.vertical / length, g.horizontal / length});
    const at::Tensor ratio = problem.y / problem.op->apply(image) / problem.whitening;
    return (image * (1 + tv * curvature - linear(problem.op).adjoint(ratio))).abs().mean().item<double>();
  };
  EXPECT_LT(conditions(x, 0.02), 1e-4);  // 4000 steps of a method that gains 1/k: what is left of a start at 0.2
  EXPECT_GT(conditions(x, 0), 1e-3) << "total variation must matter";
}

TEST(RichardsonLucy, StopsAtTheDiscrepancyAndDenoises) {
  for (const std::string name : {"blur", "super_resolution"}) {
    const LinearOperatorPtr op = task(name, 32);
    const Problem problem = counted(op, bright(32), 100);
    const Report report = solve(RichardsonLucy(), problem);
    EXPECT_NEAR(report.chi2[0], 1, 1e-9) << name;
    EXPECT_EQ(report.outcomes[0], Outcome::converged) << name;
    if (name != "blur") continue;  // an average over pixels has nothing to sharpen, hence no noise to amplify
    EXPECT_LT(mean_square(report.x - bright(32)), mean_square(solve(plain(1000), problem).x - bright(32)));
  }
}

TEST(RichardsonLucy, AnEntryDoesNotDependOnItsBatch) {
  const LinearOperatorPtr op = task("blur", 16);
  const at::Tensor truth = at::cat({bright(16), 0.3 * bright(16).flip({2})});
  const Problem both = problem_of(op, truth, {0.05, 0.01});
  const at::Tensor together = solve(RichardsonLucy(), both).x;
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto entry = static_cast<std::size_t>(i);
    const Problem one{.op = op,
                      .y = both.y.slice(0, i, i + 1),
                      .noise_std = {both.noise_std[entry]},
                      .keys = {both.keys[entry]},
                      .image = both.image};
    EXPECT_LT(largest(together[i] - solve(RichardsonLucy(), one).x[0]), 1e-10) << i;
  }
}

TEST(RichardsonLucy, RefusesWhatHasNoCounts) {
  const auto kind = [](const Problem& problem) {
    try {
      solve(RichardsonLucy(), problem);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::internal;
  };
  EXPECT_EQ(kind(problem_of(task("fourier", 16), bright(16), {0.05})), ErrorKind::usage);
  const at::Tensor sharpening = at::tensor({0.0, -1.0, 0.0, -1.0, 5.0, -1.0, 0.0, -1.0, 0.0}, at::kDouble).view({3, 3});
  const LinearOperatorPtr negative = make_blur(grey(16), sharpening, Boundary::circular, "sharpening");
  EXPECT_EQ(kind(problem_of(negative, bright(16), {0.05})), ErrorKind::usage);
  EXPECT_EQ(kind(problem_of(task("blur", 16), phantom(16), {0.05})), ErrorKind::data);
}

}  // namespace
}  // namespace recon::test
