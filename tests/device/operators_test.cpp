// Every registered operator on the device: the same laws, and the results of the CPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/device/device_support.h"
#include "tests/support/registered_operators.h"

namespace recon::test {
namespace {

/// Of float32, for sums of as many terms as the operator has.
double rounding(const Operator& op) {
  return 32 * 0x1p-23 * std::sqrt(static_cast<double>(std::max(op.domain().numel(), op.range().numel())));
}

void expect_same_results(const Operator& op) {
  const at::Tensor x = drawn(op.domain(), 2, at::kFloat), v = drawn(op.range(), 2, at::kFloat, 1);
  EXPECT_LT(difference(op.apply(there(x)), op.apply(x)), rounding(op));
  EXPECT_LT(difference(op.vjp(there(x), there(v)), op.vjp(x, v)), rounding(op));
}

/// Conjugate gradients take the same few steps; closed forms have nothing to take.
void expect_same_solutions(const LinearOperator& op) {
  const IterativeSolve few{.tolerance = 1e-9, .max_iterations = 6};
  const at::Tensor b = drawn(op.domain(), 2, at::kDouble), shift = at::tensor({0.5, 2.0}, at::kDouble);
  EXPECT_LT(difference(op.solve_shifted(there(b), there(shift), few), op.solve_shifted(b, shift, few)), 1e-9);
  const at::Tensor y = op.apply(b);
  EXPECT_LT(difference(op.pseudo_inverse(there(y), few), op.pseudo_inverse(y, few)), 1e-6);
}

class OperatorsOnTheDevice : public testing::TestWithParam<std::string> {};

TEST_P(OperatorsOnTheDevice, KeepTheLawsAndEqualTheCpu) {
  for (const auto& example : all_operator_examples()) {
    if (example.kind != GetParam()) continue;
    for (const auto& op : built(example)) {
      SCOPED_TRACE(op->name() + " on " + op->domain().to_string());
      const auto options = at::TensorOptions(at::kDouble).device(kDevice);
      EXPECT_EQ(broken_laws(check_operator(*op, {.options = options, .probes = 1})), "");
      expect_same_results(*op);
      if (const auto* linear = dynamic_cast<const LinearOperator*>(op.get())) expect_same_solutions(*linear);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, OperatorsOnTheDevice, testing::ValuesIn(operator_kinds().names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace recon::test
