#include "recon/solvers/posterior/diffusion_raar.h"

#include <gtest/gtest.h>

#include "operators/algebra.h"
#include "operators/nonlinear/fourier_magnitude.h"
#include "priors/empirical_prior.h"
#include "recon/solvers/classical/alternating_projections.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/faults.h"

namespace recon::test {
namespace {

constexpr std::int64_t side = 16, count = 8;

/// Eight random images in [-1, 1], nowhere quite black, so that no shift fits into the padding.
EmpiricalPrior random_images() {
  return EmpiricalPrior((0.4 * normal("images", grey(side), count)).clamp(-0.9, 0.9), 0.02);
}

/// Their magnitudes, black being 0 as in a file.
Problem magnitudes_of(const EmpiricalPrior& prior, double noise_std) {
  const OperatorPtr op = with_affine_input(make_fourier_magnitude(grey(side), 2), 0.5, 0.5);
  Problem problem{.op = op,
                  .y = op->apply(prior.images()) + noise_std * normal("noise", op->range(), count),
                  .noise_std = std::vector<double>(count, noise_std),
                  .keys = {},
                  .image = op->domain()};
  for (std::uint64_t i = 0; i < count; ++i) problem.keys.push_back({i, 0});
  return problem;
}

DiffusionRaar short_runs(std::int64_t restarts) {
  DiffusionRaar solver;
  solver.steps = 40;
  solver.restarts = restarts;
  return solver;
}

at::Tensor projections_alone(const Problem& problem, std::int64_t iterations, std::int64_t restarts) {
  AlternatingProjections alone;
  alone.low = -1;
  alone.high = 1;
  alone.iterations = iterations;
  alone.restarts = restarts;
  return alone.solve(problem, nullptr, {.seed = 1, .observer = {}}).x;
}

/// How many of the images are nearer than half of the least distance of two.
std::int64_t found(const at::Tensor& x, const at::Tensor& truth) {
  return ((x - truth).square().mean({1, 2, 3}) < 0.02).sum().item<std::int64_t>();
}

double misfit(const Problem& problem, const Report& report, std::int64_t entry) {
  return squared_norms(problem.y - problem.op->apply(report.x))[entry].item<double>();
}

// Noise as large as most magnitudes: projections fit it, and find none of the images. The prior has to choose.
TEST(DiffusionRaar, FindsWhatProjectionsAloneDoNot) {
  const EmpiricalPrior prior = random_images();
  const Problem problem = magnitudes_of(prior, 0.2);
  EXPECT_LE(found(projections_alone(problem, 400, 4), prior.images()), 1);
  const Report with = short_runs(4).solve(problem, &prior, {.seed = 1, .observer = {}});
  EXPECT_GE(found(with.x, prior.images()), 7);
  EXPECT_EQ(with.nfe_forward.front(), 4 * 40);
  EXPECT_EQ(with.nfe_backward.front(), 0);
}

// Where projections suffice the run that goes on from them keeps their image, and takes noise off it.
TEST(DiffusionRaar, GoesOnFromProjectionsThatSuffice) {
  const EmpiricalPrior prior = random_images();
  const Problem problem = magnitudes_of(prior, 0.003);
  const at::Tensor without = projections_alone(problem, 1000, 1);
  const Report with = short_runs(1).solve(problem, &prior, {.seed = 1, .observer = {}});
  const auto error = [&](const at::Tensor& x) { return (x - prior.images()).square().mean({1, 2, 3}); };
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (error(without)[i].item<double>() > 0.02) continue;  // a twin, or no success
    ++right;
    EXPECT_LT(error(with.x)[i].item<double>(), error(without)[i].item<double>()) << i;
  }
  EXPECT_GE(right, 2);
}

TEST(DiffusionRaar, KeepsTheRunThatFitsBest) {
  const EmpiricalPrior prior = random_images();
  const Problem problem = magnitudes_of(prior, 0.2);
  const Report one = short_runs(1).solve(problem, &prior, {.seed = 2, .observer = {}});
  const Report many = short_runs(4).solve(problem, &prior, {.seed = 2, .observer = {}});
  bool improved = false;
  for (std::int64_t i = 0; i < count; ++i) {
    EXPECT_LE(misfit(problem, many, i), misfit(problem, one, i) * (1 + 1e-12));
    improved = improved || misfit(problem, many, i) < misfit(problem, one, i);
  }
  EXPECT_TRUE(improved);
}

// What the data say is kept where the prior is vague, and the noise taken off where it knows better: with a wide cloud
// the last data step ends nearer to the data.
TEST(DiffusionRaar, LambdaWeighsPriorAgainstData) {
  const EmpiricalPrior prior = random_images();
  const Problem problem = magnitudes_of(prior, 0.05);
  DiffusionRaar loose = short_runs(1), tight = loose;
  loose.lambda = 0.01;
  tight.lambda = 100;
  const Report near_data = loose.solve(problem, &prior, {.seed = 3, .observer = {}});
  const Report near_prior = tight.solve(problem, &prior, {.seed = 3, .observer = {}});
  for (std::int64_t i = 0; i < count; ++i) {
    EXPECT_LT(misfit(problem, near_data, i), misfit(problem, near_prior, i)) << i;
  }
}

TEST(DiffusionRaar, RefusesOtherOperatorsNamingSolversThatTakeThem) {
  const EmpiricalPrior prior = random_images();
  const Problem problem = problem_of(task("blur", side), phantom(side), {0.1});
  const auto refused = [&] { DiffusionRaar().solve(problem, &prior, {.seed = 1, .observer = {}}); };
  expect_says(complaint(refused, ErrorKind::usage), {"fourier_magnitude"});
}

}  // namespace
}  // namespace recon::test
