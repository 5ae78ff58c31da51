// The weight of a residual where the operator knows its inverse filter.
#include "recon/solvers/posterior/data_weight.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/algebra.h"
#include "operators/identity.h"
#include "operators/inverse_filter.h"
#include "operators/tomography/radon.h"
#include "recon/core/rng.h"
#include "recon/solvers/context.h"

namespace recon::test {
namespace {

LinearOperatorPtr projections() {
  const ParallelBeam beam{.height = 12, .width = 12, .angles_rad = {0, 0.6, 1.2, 1.9}, .bins = 18};
  return make_radon({{1, 12, 12}, ScalarKind::real}, beam);
}

at::Tensor residual(const Operator& op) { return Rng(2, "r").normal({{0, 0}, {1, 0}}, 0, op.range(), at::kDouble); }

at::Tensor weigh(const OperatorPtr& op, const at::Tensor& r, std::vector<double> noise_std, double c, double gain) {
  const Problem problem{
      .op = op, .y = r, .noise_std = std::move(noise_std), .keys = {{0, 0}, {1, 0}}, .image = op->domain()};
  const Controls controls;
  Report report;
  SolverContext context(problem, nullptr, controls, report);
  return weighted_residual(context, r, c, at::full({2}, gain, at::kDouble)).clone();
}

double difference(const at::Tensor& a, const at::Tensor& b) { return ((a - b).norm() / b.norm()).item<double>(); }

constexpr double kRounding = 1e-13;

TEST(DataWeight, IsTheFilterWhereTheImageRulesAndOneWhereNoiseDoes) {
  const LinearOperatorPtr op = projections();
  const at::Tensor r = residual(*op);
  const at::Tensor filtered = inverse_filter_of(*op, [](double, double) { return 1.0; })(r);
  EXPECT_LT(difference(weigh(op, r, {0, 0}, 0.3, 7), 7 * filtered), kRounding);
  // Off by at most c / (noise² F), F >= 4e-3 here.
  EXPECT_LT(difference(weigh(op, r, {1e3, 1e3}, 1e-3, 7), r), 1e-3 / (1e6 * 4e-3) + 1e-6);
  EXPECT_TRUE(at::equal(weigh(op, r, {0.1, 0.1}, 0, 7), r));
  const auto identity = make_identity({{1, 5, 5}, ScalarKind::real});
  EXPECT_TRUE(at::equal(weigh(identity, residual(*identity), {0.1, 0.1}, 1, 1), residual(*identity)));
}

// s A with noise s std and gain s² gain is the same measurement in other units.
TEST(DataWeight, DoesNotDependOnUnits) {
  const LinearOperatorPtr op = projections();
  const at::Tensor r = residual(*op), expected = weigh(op, r, {0.5, 0.5}, 0.2, 7);
  EXPECT_GT(difference(expected, r), 0.1);
  EXPECT_LT(difference(weigh(scaled(op, 3), r, {1.5, 1.5}, 0.2, 63), expected), kRounding);
  const at::Tensor threes = at::full({1, 1, 4, 18}, 3, at::kDouble);
  EXPECT_LT(difference(weigh(whitened(op, threes), r, {1.5, 1.5}, 0.2, 63), expected), kRounding);
}

TEST(DataWeight, KnowsEachItemsNoise) {
  const LinearOperatorPtr op = projections();
  const at::Tensor r = residual(*op), both = weigh(op, r, {0.5, 2}, 0.2, 7);
  EXPECT_TRUE(at::equal(both[0], weigh(op, r, {0.5, 0.5}, 0.2, 7)[0]));
  EXPECT_TRUE(at::equal(both[1], weigh(op, r, {2, 2}, 0.2, 7)[1]));
  EXPECT_FALSE(at::equal(both[1], weigh(op, r, {0.5, 0.5}, 0.2, 7)[1]));
}

}  // namespace
}  // namespace recon::test
