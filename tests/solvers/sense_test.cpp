// CG-SENSE: the iterative solvers on simulated 8-coil data with known maps, against the dense solution.
#include <gtest/gtest.h>

#include "operators/mri/coil_maps.h"
#include "operators/mri/sense.h"
#include "recon/solvers/classical/lsqr.h"
#include "recon/solvers/classical/tikhonov_cg.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

constexpr std::int64_t kSize = 16;
const TensorSpec kImage{{1, kSize, kSize}, ScalarKind::complex};

/// Every third column and two in the middle, 8 coils.
LinearOperatorPtr eight_coils() {
  const at::Tensor column = at::arange(kSize, at::kLong);
  const at::Tensor kept = (column % 3 == 0).logical_or(column == kSize / 2).to(at::kDouble);
  return make_sense(kImage, simulated_coil_maps(kImage, 8), kept.expand({kSize, kSize}).contiguous(), "columns",
                    "test");
}

Problem noisy_problem(const LinearOperatorPtr& op) {
  const at::Tensor phase = at::linspace(0, 2, kSize, at::kDouble).expand({1, 1, kSize, kSize});
  return problem_of(op, at::polar(phantom(kSize) + 1, phase.contiguous()), {0.05});
}

/// A as a complex matrix [m, n]: the images of the unit vectors.
at::Tensor matrix_of(const LinearOperator& op) {
  return op.apply(at::eye(kSize * kSize, at::kComplexDouble).view({-1, 1, kSize, kSize})).flatten(1).t();
}

TEST(CgSense, EqualsTheClosedFormOfTikhonov) {
  const LinearOperatorPtr op = eight_coils();
  const Problem problem = noisy_problem(op);
  TikhonovCg solver;
  solver.weight = 0.01;
  solver.penalty = word("identity");
  solver.tolerance = 1e-13;
  const at::Tensor x = solve(solver, problem).x;
  const at::Tensor A = matrix_of(*op), AH = A.conj().t();
  const at::Tensor normal = at::matmul(AH, A) + 0.01 * at::eye(kSize * kSize, at::kComplexDouble);
  const at::Tensor exact = at::linalg_solve(normal, at::matmul(AH, problem.y.flatten()));
  // The condition number is at most ||A||² / 0.01 = 100.
  EXPECT_LT(largest(x.flatten() - exact), 100 * 1e-12 * largest(exact));
}

TEST(CgSense, EqualsTheLeastSquaresSolutionUnfoldingTheAliases) {
  const LinearOperatorPtr op = eight_coils();
  const Problem problem = noisy_problem(op);
  Lsqr solver;
  solver.stopping = word("tolerance");
  solver.tolerance = 1e-13;
  solver.max_iterations = 2000;
  const at::Tensor x = solve(solver, problem).x;
  const at::Tensor A = matrix_of(*op), AH = A.conj().t();
  const at::Tensor exact = at::linalg_solve(at::matmul(AH, A), at::matmul(AH, problem.y.flatten()));
  const auto singular = std::get<1>(at::linalg_svd(A));
  const double condition = (singular.max() / singular.min()).item<double>();
  EXPECT_LT(condition, 1e3);  // unique: 8 coils tell three aliases apart
  EXPECT_LT(largest(x.flatten() - exact), condition * condition * 1e-12 * largest(exact));
}

}  // namespace
}  // namespace recon::test
