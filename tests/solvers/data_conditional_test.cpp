// The data step against its closed form: all three ways of drawing must have the law N(mean, P), P^-1 = A^T A / v + I /
// s², mean = center + P A^T (y - A center) / v.
#include "recon/solvers/posterior/data_conditional.h"
#include "recon/solvers/posterior/jacobian.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/solvers/context.h"
#include "tests/solvers/closed_form.h"
#include "tests/solvers/matrix_operator.h"

namespace recon::test {
namespace {

/// A linear operator that does not say so.
class Disguised final : public Operator {
 public:
  explicit Disguised(LinearOperatorPtr op) : Operator("disguised", op->domain(), op->range()), op_(std::move(op)) {}

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return op_->apply(x); }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override { return op_->vjp(x, v); }

  LinearOperatorPtr op_;
};

constexpr std::int64_t kSamples = 4000;
constexpr double kNoiseStd = 0.2, kVariance = 0.3;

/// Largest deviation of the whitened sample mean and covariance from 0 and I, in standard errors: about 4 for N(0, I)
/// among the 16 · 17 / 2 + 16 numbers.
double deviation(const OperatorPtr& op, const LinearOperatorPtr& linear, std::int64_t langevin_steps) {
  const GaussianPrior prior(at::zeros({1, 4, 4}, at::kDouble), Covariance::isotropic({1, 4, 4}, 1));
  const at::Tensor center = Rng(1, "center").normal({{0, 0}}, 0, op->domain(), at::kDouble);
  const at::Tensor truth = Rng(1, "truth").normal({{0, 0}}, 0, op->domain(), at::kDouble);
  const at::Tensor y = op->apply(truth);
  Problem problem{.op = op,
                  .y = y.expand_as(op->apply(truth.expand({kSamples, 1, 4, 4}))).contiguous(),
                  .noise_std = std::vector<double>(kSamples, kNoiseStd),
                  .keys = {},
                  .image = op->domain()};
  for (std::uint32_t s = 0; s < kSamples; ++s) problem.keys.push_back({1, s});
  const Controls controls;
  Report report;
  SolverContext context(problem, &prior, controls, report);
  const at::Tensor x = DataConditional(context, "test", langevin_steps)
                           .draw(center.expand({kSamples, 1, 4, 4}), kVariance, 3)
                           .flatten(1);
  const at::Tensor a = dense_matrix(*linear);
  const double v = kNoiseStd * kNoiseStd;
  const at::Tensor precision = at::matmul(a.t(), a) / v + at::eye(16, at::kDouble) / kVariance;
  const at::Tensor score = at::matmul(measured_rows(*linear, op->apply(truth) - op->apply(center)), a) / v;
  const at::Tensor mean = center.flatten(1) + at::matmul(score, at::linalg_inv(precision));
  const at::Tensor white = at::matmul(x - mean, at::linalg_cholesky(precision));
  const double n = kSamples;
  const at::Tensor moments = at::matmul(white.t(), white) / n - at::eye(16, at::kDouble);
  const at::Tensor errors = at::sqrt((1 + at::eye(16, at::kDouble)) / n);
  return std::max((moments / errors).abs().max().item<double>(),
                  (white.mean(0) * std::sqrt(n)).abs().max().item<double>());
}

LinearOperatorPtr random_matrix() {
  const at::Tensor m = Rng(4, "matrix").normal({{0, 0}}, 0, {{6, 16}, ScalarKind::real}, at::kDouble)[0];
  return std::make_shared<MatrixOperator>(m, Shape{1, 4, 4});
}

TEST(DataConditional, HasTheLawByPerturbAndSolve) {
  const LinearOperatorPtr op = random_matrix();
  EXPECT_LT(deviation(op, op, 0), 4.5);
}

TEST(DataConditional, HasTheLawInASpectralForm) {
  for (const char* task : {"blur", "inpaint", "sr", "fourier"}) {
    if (std::string(task) == "blur") continue;  // its kernel is larger than 4 pixels
    const LinearOperatorPtr op = task_operator(task, 4);
    ASSERT_TRUE(op->spectral().has_value());
    EXPECT_LT(deviation(op, op, 0), 4.5) << task;
  }
}

// The longest relaxation takes sqrt(1 + ||A||² s² / v), about 18, steps: after 300 the start is forgotten, after 10
// not.
TEST(DataConditional, HasTheLawByLangevinDynamicsOnceTheStartIsForgotten) {
  const LinearOperatorPtr op = random_matrix();
  const auto disguised = std::make_shared<Disguised>(op);
  EXPECT_LT(deviation(disguised, op, 300), 4.5);
  EXPECT_GT(deviation(disguised, op, 10), 10);
}

TEST(DataConditional, TheJacobianNormIsTheLargestSingularValue) {
  const LinearOperatorPtr op = random_matrix();
  const at::Tensor exact = at::linalg_svdvals(dense_matrix(*op)).max().square();
  const Problem problem{.op = std::make_shared<Disguised>(op),
                        .y = at::zeros({1, 6}, at::kDouble),
                        .noise_std = {1},
                        .keys = {{1, 0}},
                        .image = op->domain()};
  const Controls controls;
  Report report;
  SolverContext context(problem, nullptr, controls, report);
  const double got = squared_jacobian_norm(context, at::ones({1, 1, 4, 4}, at::kDouble)).item<double>();
  EXPECT_LE(got, exact.item<double>() * (1 + 1e-6));
  EXPECT_GT(got, 0.8 * exact.item<double>());  // eight iterations, from below
}

}  // namespace
}  // namespace recon::test
