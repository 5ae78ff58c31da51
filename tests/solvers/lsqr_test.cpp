#include "recon/solvers/classical/lsqr.h"

#include <gtest/gtest.h>

#include "tests/solvers/classical_problems.h"
#include "tests/solvers/matrix_operator.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

TEST(Lsqr, RunsToTheLeastSquaresSolutionOfLeastNorm) {
  // Tall, wide and rank deficient matrices against the dense pseudo-inverse.
  const at::Tensor tall = normal("tall", {{40, 16}, ScalarKind::real})[0],
                   wide = normal("wide", {{9, 16}, ScalarKind::real})[0];
  const at::Tensor deficient = at::matmul(tall.narrow(1, 0, 5), wide.narrow(0, 0, 5));
  for (const at::Tensor& matrix : {tall, wide, deficient}) {
    const auto op = std::make_shared<MatrixOperator>(matrix, Shape{1, 4, 4});
    const at::Tensor y = normal("y", op->range(), 2);
    const Problem problem{.op = op, .y = y, .noise_std = {1, 0}, .keys = {{0, 0}, {1, 0}}, .image = op->domain()};
    Lsqr solver;
    solver.stopping = word("tolerance");
    solver.tolerance = 1e-13;
    const Report report = solve(solver, problem);
    const at::Tensor exact = at::matmul(y, at::linalg_pinv(matrix).t()).view({2, 1, 4, 4});
    // Condition numbers below 100; the residual of the normal equations is 1e-13 of its scale.
    EXPECT_LT(largest(report.x - exact), 1e-10 * largest(exact)) << matrix.sizes();
    EXPECT_EQ(report.outcomes[0], Outcome::converged);
  }
}

TEST(Lsqr, StopsExactlyAtTheDiscrepancy) {
  for (const std::string& name : kTasks) {
    const LinearOperatorPtr op = task(name, 24);
    const Problem problem = problem_of(op, phantom(24), {0.05});
    const Report report = solve(Lsqr(), problem);
    EXPECT_NEAR(report.chi2[0], 1, 1e-9) << name;
    EXPECT_EQ(report.outcomes[0], Outcome::converged) << name;
  }
}

// After k steps the image minimises the misfit over the Krylov space of A^H A and A^H y: a dense basis says the same.
TEST(Lsqr, StepsAreTheMinimisersOverKrylovSpaces) {
  const LinearOperatorPtr op = task("blur", 12);
  const Problem problem = problem_of(op, phantom(12), {0.05});
  const at::Tensor A = dense(*op), y = real_rows(problem.y);
  at::Tensor power = at::matmul(A.t(), y), basis = power / power.norm();
  for (std::int64_t k = 1; k <= 6; ++k) {
    Lsqr solver;
    solver.stopping = word("tolerance");
    solver.tolerance = 1e-15;
    solver.max_iterations = k;
    const at::Tensor image = at::matmul(A, basis);
    const at::Tensor weights = at::linalg_solve(at::matmul(image.t(), image), at::matmul(image.t(), y));
    const at::Tensor exact = at::matmul(basis, weights).view({1, 1, 12, 12});
    EXPECT_LT(largest(solve(solver, problem).x - exact), 1e-8) << k;
    power = at::matmul(A.t(), at::matmul(A, basis.narrow(1, k - 1, 1)));
    for (int twice = 0; twice < 2; ++twice) power = power - at::matmul(basis, at::matmul(basis.t(), power));
    basis = at::cat({basis, power / power.norm()}, 1);
  }
}

TEST(Lsqr, DataThatZeroExplainsGiveZero) {
  const LinearOperatorPtr op = task("blur", 12);
  const Problem problem = problem_of(op, at::zeros({1, 1, 12, 12}, at::kDouble), {0.05});
  Problem loose = problem;
  loose.noise_std = {1.0};
  EXPECT_EQ(largest(solve(Lsqr(), loose).x), 0);
  Problem nothing = problem;
  nothing.y = at::zeros_like(problem.y);
  nothing.noise_std = {0.0};
  EXPECT_EQ(largest(solve(Lsqr(), nothing).x), 0);
}

}  // namespace
}  // namespace recon::test
