#include "recon/solvers/classical/alternating_projections.h"

#include <gtest/gtest.h>

#include "operators/algebra.h"
#include "operators/nonlinear/fourier_magnitude.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/faults.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

/// Magnitudes of two random images that are nowhere dark, so that no shift fits into the padding.
Problem magnitudes(double noise_std, at::Tensor* truth = nullptr) {
  const auto op = make_fourier_magnitude(grey(16), 2);
  const at::Tensor x = normal("truth", grey(16), 2).abs() + 0.1;
  Problem problem{.op = op, .y = op->apply(x), .noise_std = {noise_std, noise_std}, .keys = {}, .image = op->domain()};
  problem.keys = {{0, 0}, {1, 0}};
  problem.y = problem.y + noise_std * normal("noise", op->range(), 2);
  if (truth != nullptr) *truth = x;
  return problem;
}

AlternatingProjections projections(const std::string& algorithm, std::int64_t iterations, std::int64_t restarts = 1) {
  AlternatingProjections solver;
  solver.algorithm = word(algorithm);
  solver.iterations = iterations;
  solver.restarts = restarts;
  solver.high = 5;  // the brightest of the random images has 4.2
  return solver;
}

double misfit(const Problem& problem, const Report& report, std::int64_t entry) {
  return squared_norms(problem.y - problem.op->apply(report.x))[entry].item<double>();
}

// Four data for each unknown and no noise: the image, or its half turn, and nothing else (Bates 1982). What is left
// after the search shrinks geometrically, to less than a thousandth here.
TEST(AlternatingProjections, FindTheImageOrItsHalfTurn) {
  at::Tensor truth;
  const Problem problem = magnitudes(0, &truth);
  for (const std::string algorithm : {"raar", "hio"}) {
    const Report report = solve(projections(algorithm, 1000, 4), problem);
    for (std::int64_t i = 0; i < 2; ++i) {
      const at::Tensor x = report.x[i];
      const double upright = largest(x - truth[i]), turned = largest(x - at::flip(truth[i], {1, 2}));
      EXPECT_LT(std::min(upright, turned), 1e-3 * largest(truth)) << algorithm << " " << i;
    }
  }
}

// The theorem of Fienup 1982, section II: error reduction never moves away from the data.
TEST(AlternatingProjections, ErrorReductionNeverIncreasesTheResidual) {
  const Problem problem = magnitudes(0.05);
  std::vector<double> last{1e30, 1e30};
  for (const std::int64_t iterations : {1, 2, 4, 8, 32, 128}) {
    AlternatingProjections er = projections("er", iterations);
    er.settling = 0;
    const Report report = solve(er, problem);
    for (std::int64_t i = 0; i < 2; ++i) {
      const double now = misfit(problem, report, i);
      EXPECT_LE(now, last[static_cast<std::size_t>(i)] * (1 + 1e-12)) << iterations;
      last[static_cast<std::size_t>(i)] = now;
    }
  }
}

TEST(AlternatingProjections, KeepTheRunThatFitsBest) {
  const Problem problem = magnitudes(0.05);
  const Report one = solve(projections("er", 20), problem), many = solve(projections("er", 20, 6), problem);
  bool improved = false;
  for (std::int64_t i = 0; i < 2; ++i) {
    EXPECT_LE(misfit(problem, many, i), misfit(problem, one, i));
    improved = improved || misfit(problem, many, i) < misfit(problem, one, i);
  }
  EXPECT_TRUE(improved);
}

// The same search in other units of the image: A' (x) = A(x / 2 + 1) is about x' = 2 (x - 1), whose darkest value is
// -2.
TEST(AlternatingProjections, WorkInTheUnitsOfTheProblem) {
  const Problem problem = magnitudes(0.01);
  Problem mapped = problem;
  mapped.op = with_affine_input(problem.op, 0.5, 1);
  AlternatingProjections solver = projections("raar", 100);
  const at::Tensor x = solve(solver, problem).x;
  solver.low = -2;
  solver.high = 6;
  // Their random starts differ, so the images may; both keep to the bound and fit alike.
  const Report other = solve(solver, mapped);
  EXPECT_GE(x.min().item<double>(), 0);
  EXPECT_GE(other.x.min().item<double>(), -2);
  EXPECT_LT(other.x.min().item<double>(), 0);
  solver.bounded = false;
  EXPECT_LT(solve(solver, mapped).x.min().item<double>(), -2);
}

TEST(AlternatingProjections, RefuseOtherOperatorsNamingSolversThatTakeThem) {
  const Problem problem = problem_of(task("blur", 16), phantom(16), {0.1});
  const auto refused = [&] { solve(AlternatingProjections(), problem); };
  expect_says(complaint(refused, ErrorKind::usage), {"fourier_magnitude"});
}

}  // namespace
}  // namespace recon::test
