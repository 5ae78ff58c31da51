// Every registered kind, on each of its examples, through the laws of operators/diagnostics.h, in both precisions and
// for real and complex images; then the laws themselves, on operators that are known to be wrong.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/conjugate_gradient.h"
#include "operators/diagnostics.h"
#include "operators/fourier/fft.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/registered_operators.h"

namespace recon {
namespace {

using test::broken_laws;
using test::built;
using test::OperatorExample;

/// Those among them that are linear: some kinds have none.
std::vector<LinearOperatorPtr> built_linear(const OperatorExample& example) {
  std::vector<LinearOperatorPtr> operators;
  for (const auto& op : built(example)) {
    if (auto linear = std::dynamic_pointer_cast<const LinearOperator>(op)) operators.push_back(std::move(linear));
  }
  return operators;
}

at::Tensor draw(const TensorSpec& spec, std::int64_t items, at::TensorOptions options, std::uint32_t step = 0) {
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < items; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
  return Rng(17, "operator_laws_test").normal(keys, step, spec, options);
}

double length_of(const at::Tensor& x) { return std::sqrt(squared_norms(x).sum().item<double>()); }

class OperatorLaws : public testing::TestWithParam<OperatorExample> {};

TEST_P(OperatorLaws, HoldInDoublePrecision) {
  for (const auto& op : built(GetParam())) EXPECT_EQ(broken_laws(check_operator(*op, {.options = at::kDouble})), "");
}

TEST_P(OperatorLaws, HoldInSinglePrecision) {
  for (const auto& op : built(GetParam())) EXPECT_EQ(broken_laws(check_operator(*op, {.options = at::kFloat})), "");
}

TEST_P(OperatorLaws, ShiftedSystemsAreSolvedItemByItem) {
  const IterativeSolve options{.tolerance = 1e-9, .max_iterations = 500};
  const std::vector<double> shifts{0.05, 2.0};
  for (const auto& op : built_linear(GetParam())) {
    const at::Tensor b = draw(op->domain(), 2, at::kDouble);
    const at::Tensor x = op->solve_shifted(b, at::tensor(shifts, at::kDouble), options);
    const at::Tensor residual = op->normal(x) + x * per_item(shifts, x) - b;
    const at::Tensor relative = at::sqrt(squared_norms(residual) / squared_norms(b));
    // Conjugate gradients stop at the tolerance of their recursion; the true residual follows it to rounding.
    EXPECT_LT(relative.max().item<double>(), 2 * options.tolerance) << op->name();
    const at::Tensor alone = op->solve_shifted(b.narrow(0, 1, 1), at::tensor({2.0}, at::kDouble), options);
    EXPECT_LT(length_of(alone - x.narrow(0, 1, 1)), 2 * options.tolerance * length_of(alone)) << op->name();
  }
}

TEST_P(OperatorLaws, PseudoInverseFitsTheDataWithLeastNorm) {
  const IterativeSolve options{.tolerance = 1e-10, .max_iterations = 3000};
  for (const auto& op : built_linear(GetParam())) {
    const at::Tensor w = draw(op->domain(), 1, at::kDouble);
    const at::Tensor y = op->apply(w);
    const at::Tensor x = op->pseudo_inverse(y, options);
    // Normal equations: what is left is below the cut-off 1e-10 or the tolerance, relative to the largest eigenvalue.
    const double largest = largest_singular_value(*op, 1, 30, at::kDouble).item<double>();
    EXPECT_LT(length_of(op->adjoint(op->apply(x) - y)), 2e-10 * largest * largest * length_of(w)) << op->name();
    // Least norm: w solves the same system, and x is orthogonal to their difference, which A does not see. Near-null
    // directions (eigenvalues close to the cut-off) are shared between the two, hence the square root of the tolerance.
    EXPECT_LE(length_of(x), length_of(w) * (1 + 1e-5)) << op->name();
    EXPECT_LT(std::abs(real_inner(x, w - x).sum().item<double>()), 1e-5 * length_of(w) * length_of(w)) << op->name();
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, OperatorLaws, testing::ValuesIn(test::all_operator_examples()), test::example_name);

}  // namespace
}  // namespace recon
