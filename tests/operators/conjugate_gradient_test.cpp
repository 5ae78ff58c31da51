#include "operators/conjugate_gradient.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

constexpr std::int64_t n = 12;

at::Tensor draw(const Shape& shape, std::uint32_t step) {
  return Rng(31, "conjugate_gradient_test").normal({StreamKey{}}, step, {shape, ScalarKind::real}, at::kDouble)[0];
}

/// Symmetric with the given eigenvalues.
at::Tensor matrix_with(const at::Tensor& eigenvalues) {
  const at::Tensor q = std::get<0>(at::linalg_qr(draw({n, n}, 0)));
  return at::matmul(q * eigenvalues, q.t());
}

auto times(const at::Tensor& matrix) {
  return [matrix](const at::Tensor& x) { return at::matmul(x, matrix); };
}

TEST(ConjugateGradient, EqualsTheDirectSolve) {
  const at::Tensor matrix = matrix_with(at::linspace(1, 10, n, at::kDouble));
  const at::Tensor b = draw({3, n}, 1);
  const auto result = conjugate_gradient(times(matrix), b, {}, {.tolerance = 1e-12, .max_iterations = 100});
  const at::Tensor exact = at::linalg_solve(matrix, b, /*left=*/false);
  EXPECT_LT((result.x - exact).abs().max().item<double>(), 1e-11 * exact.abs().max().item<double>());
  EXPECT_LE(result.relative_residual.max().item<double>(), 1e-12);
  EXPECT_LE(result.iterations, n + 2);  // exact in n steps but for rounding
}

TEST(ConjugateGradient, StopsEachItemOnItsOwn) {
  const at::Tensor matrix = matrix_with(at::logspace(0, 4, n, 10.0, at::kDouble));
  const at::Tensor eigenvector = std::get<1>(at::linalg_eigh(matrix)).select(1, 3);
  const at::Tensor b = at::stack({eigenvector, draw({n}, 1), at::zeros({n}, at::kDouble)});
  const IterativeSolve options{.tolerance = 1e-8, .max_iterations = 100};
  const auto together = conjugate_gradient(times(matrix), b, {}, options);
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto alone = conjugate_gradient(times(matrix), b.narrow(0, i, 1), {}, options);
    // The easy item is done after one step and must not be touched by the later steps of the hard one.
    EXPECT_LT((together.x[i] - alone.x[0]).abs().max().item<double>(), 1e-15 * 1e4) << i;
    EXPECT_LE(together.relative_residual[i].item<double>(), options.tolerance);
  }
  EXPECT_EQ(together.x[2].abs().max().item<double>(), 0);
  EXPECT_GT(together.iterations, 5);
}

TEST(ConjugateGradient, FindsTheLeastNormSolutionOfASingularSystem) {
  at::Tensor eigenvalues = at::linspace(1, 4, n, at::kDouble);
  eigenvalues.narrow(0, 0, 5).zero_();
  const at::Tensor matrix = matrix_with(eigenvalues);
  const at::Tensor b = at::matmul(draw({1, n}, 1), matrix);  // consistent
  const auto result = conjugate_gradient(times(matrix), b, {}, {.tolerance = 1e-12, .max_iterations = 50});
  const at::Tensor exact = at::matmul(b, at::linalg_pinv(matrix, 1e-10));
  EXPECT_LT((result.x - exact).abs().max().item<double>(), 1e-11);
}

TEST(ConjugateGradient, BeginsWhereItIsTold) {
  const at::Tensor matrix = matrix_with(at::linspace(1, 10, n, at::kDouble));
  const at::Tensor x = draw({2, n}, 1);
  const auto result =
      conjugate_gradient(times(matrix), at::matmul(x, matrix), x, {.tolerance = 1e-10, .max_iterations = 9});
  EXPECT_EQ(result.iterations, 0);
  EXPECT_TRUE(at::equal(result.x, x));
}

TEST(ConjugateGradient, SaysWhenItDidNotGetThere) {
  const at::Tensor matrix = matrix_with(at::logspace(0, 6, n, 10.0, at::kDouble));
  const auto result = conjugate_gradient(times(matrix), draw({1, n}, 1), {}, {.tolerance = 1e-10, .max_iterations = 2});
  EXPECT_EQ(result.iterations, 2);
  EXPECT_GT(result.relative_residual.item<double>(), 1e-3);
}

TEST(ConjugateGradient, RefusesAMapThatChangesTheShape) {
  const auto cut = [](const at::Tensor& x) { return x.narrow(1, 0, 2); };
  EXPECT_THROW(conjugate_gradient(cut, at::ones({1, 3}), at::ones({1, 3}), {}), Error);
}

}  // namespace
}  // namespace recon
