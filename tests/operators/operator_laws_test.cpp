// Every registered kind, on each of its examples, through the laws of operators/diagnostics.h, in both precisions and
// for real and complex images; then the laws themselves, on operators that are known to be wrong.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/conjugate_gradient.h"
#include "operators/diagnostics.h"
#include "operators/fourier/fft.h"
#include "operators/registry.h"
#include "recon/core/cuda_backend.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

struct Example {
  std::string kind;
  std::size_t index;
  std::string json;
};

std::vector<Example> all_examples() {
  std::vector<Example> examples;
  for (const auto& kind : operator_kinds()) {
    for (std::size_t i = 0; i < kind.examples.size(); ++i) examples.push_back({kind.name, i, kind.examples[i]});
  }
  return examples;
}

void PrintTo(const Example& example, std::ostream* out) { *out << example.json; }

/// The example on every kind of image it is for: square and oblong, one channel and two, real and complex; on colour
/// images when it refuses those.
std::vector<OperatorPtr> built(const Example& example) {
  std::vector<OperatorPtr> operators;
  const auto build = [&](const TensorSpec& image) {
    try {
      operators.push_back(build_operator(example.json, image));
    } catch (const Error& refusal) {
      EXPECT_EQ(refusal.kind(), ErrorKind::usage);
      EXPECT_NE(std::string(refusal.what()).find("expected a real image"), std::string::npos) << refusal.what();
    }
  };
  for (const Shape& shape : {Shape{1, 16, 16}, Shape{2, 12, 20}}) {
    build({shape, ScalarKind::real});
    build({shape, ScalarKind::complex});
  }
  if (operators.empty()) build({{3, 12, 16}, ScalarKind::real});
  EXPECT_FALSE(operators.empty()) << "no image is good enough";
  return operators;
}

/// Those among them that are linear: some kinds have none.
std::vector<LinearOperatorPtr> built_linear(const Example& example) {
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

std::string broken_laws(const OperatorReport& report) {
  std::string text;
  for (const auto& finding : report.findings) {
    if (!finding.holds()) {
      text += fmt::format("\n{} on {}: {} {:.3g} > {:.3g} ({})", report.name, report.domain.to_string(), finding.law,
                          finding.error, finding.bound, finding.detail);
    }
  }
  return text;
}

class OperatorLaws : public testing::TestWithParam<Example> {};

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

std::string example_name(const testing::TestParamInfo<Example>& info) {
  return info.param.kind + "_" + std::to_string(info.param.index + 1);
}
INSTANTIATE_TEST_SUITE_P(Kinds, OperatorLaws, testing::ValuesIn(all_examples()), example_name);

TEST(OperatorLawsOnTheGpu, EqualTheCpu) {
  if (!why_no_cuda().empty()) GTEST_SKIP() << "no GPU: " << why_no_cuda();
  for (const auto& example : all_examples()) {
    for (const auto& op : built(example)) {
      const auto options = at::TensorOptions(at::kFloat).device(at::kCUDA);
      EXPECT_EQ(broken_laws(check_operator(*op, {.options = options})), "");
      const at::Tensor x = draw(op->domain(), 2, at::kFloat);
      const at::Tensor y = op->apply(x);
      const double bound = 8 * 0x1p-23 * std::sqrt(static_cast<double>(x.numel()));
      EXPECT_LT(length_of(op->apply(x.cuda()).cpu() - y), bound * length_of(y)) << op->name();
      const at::Tensor gradient = op->vjp(x, y);
      EXPECT_LT(length_of(op->vjp(x.cuda(), y.cuda()).cpu() - gradient), bound * length_of(y)) << op->name();
    }
  }
}

}  // namespace
}  // namespace recon
