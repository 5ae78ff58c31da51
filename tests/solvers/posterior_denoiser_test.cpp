// Sampling by a denoiser that knows the measurement: where that is known in closed form, the posterior itself.
#include "recon/solvers/posterior/posterior_denoiser.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/unsuitable_operator.h"
#include "priors/gaussian_mixture_prior.h"
#include "recon/core/error.h"
#include "recon/solvers/posterior/linear_measurement.h"
#include "tests/solvers/posterior_judge.h"
#include "tests/support/build_operator.h"
#include "tests/support/faults.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

PosteriorDenoiser in_steps(std::int64_t steps) {
  PosteriorDenoiser solver;
  solver.sampling.steps = steps;
  return solver;
}

TEST(PosteriorDenoiser, GaussianPosteriorIsMetInTwentySteps) {
  std::vector<std::string> all = closed_form_tasks();
  all.emplace_back("radon");  // no spectral form: the Gaussian needs none
  for (const std::string& task : all) {
    const ClosedForm exact = closed_form(task, {.size = 32, .items = 2, .samples = 16});
    const Agreement found = judged(exact, PosteriorDenoiser(), "posterior_denoiser, 20");
    EXPECT_NEAR(found.mean_ratio, 1, 3 * kMeanRatioError) << task;
    EXPECT_NEAR(found.std_ratio, 1, 3 * kStdRatioError) << task;
    EXPECT_NEAR(found.residual, 1, 0.1) << task;
  }
  // The known-wrong variant: steps of first order, as few, lose spread.
  PosteriorDenoiser first;
  first.sampling.order = word("1");
  const ClosedForm exact = closed_form("inpaint", {.size = 32, .items = 2, .samples = 16});
  EXPECT_LT(judged(exact, first, "order 1, 20").std_ratio, 1 - 3 * kStdRatioError);
}

TEST(PosteriorDenoiser, OnePassIsThePosteriorMean) {
  for (const std::string& task : closed_form_tasks()) {
    const ClosedForm exact = closed_form(task, {.size = 16, .items = 2, .samples = 1, .dtype = at::kDouble});
    const Report report = in_steps(1).solve(exact.problem, exact.prior.get(), {});
    EXPECT_EQ(report.nfe_forward.front(), 1);
    // x_t at r = 157 adds what a measurement of that noise does: std²/r per pixel.
    EXPECT_LT((report.x - exact.mean).abs().max().item<double>(), 0.01 * exact.std) << task;
  }
}

TEST(PosteriorDenoiser, NothingIsPassedBack) {
  const ClosedForm c = closed_form("blur", {.size = 16, .items = 2, .samples = 1});
  const Report report = PosteriorDenoiser().solve(c.problem, c.prior.get(), {});
  EXPECT_EQ(report.nfe_forward.front(), 20);
  EXPECT_EQ(report.nfe_backward.front(), 0);
}

TEST(PosteriorDenoiser, RefusesAPriorThatKnowsNoMeasurement) {
  const ClosedForm c = closed_form("blur", {.size = 16, .items = 1, .samples = 1});
  const GaussianMixturePrior other(
      {{.weight = 1, .mean = at::zeros({1, 16, 16}), .covariance = Covariance::isotropic({1, 16, 16}, 1)}});
  expect_says(complaint([&] { PosteriorDenoiser().solve(c.problem, &other, {}); }, ErrorKind::usage),
              {"not trained for a measurement", "blur(", "recon train --operator", "pigdm"});
}

// One operator per entry, and one for all: the same numbers.
TEST(LinearMeasurement, OfSeveralOperatorsIsThatOfEach) {
  const TensorSpec image{{1, 12, 16}, ScalarKind::real};
  for (const char* kind : {R"({"type": "inpainting", "missing_fraction": 0.7, "seed": %d})",
                           R"({"type": "fourier", "pattern": "cartesian_random", "acceleration": 2, "seed": %d})"}) {
    std::vector<LinearOperatorPtr> ops;
    for (int seed = 1; seed <= 2; ++seed) {
      char text[128];
      std::snprintf(text, sizeof text, kind, seed);
      ops.push_back(as_linear(build_operator(text, image), "test"));
    }
    const std::vector<StreamKey> keys{{0, 0}, {1, 0}};
    const at::Tensor x = Rng(1, "x").normal(keys, 0, image, at::kDouble);
    const at::Tensor y = at::cat({ops[0]->apply(x.narrow(0, 0, 1)), ops[1]->apply(x.narrow(0, 1, 1))});
    const LinearMeasurement both = linear_measurement(ops, y, {0.1, 0.3});
    const std::vector<double> numbers{2, 3};
    const auto f = [&](const std::vector<double>& v) {
      return [v](const at::Tensor& values) { return (values + per_item(v, values)).reciprocal(); };
    };
    const at::Tensor filtered = both.filter(x, f(numbers));
    const auto root = [](const at::Tensor& u) { return 0.5 * u; };
    const at::Tensor mean = both.gaussian_mean(0.1 * x, root);
    for (std::int64_t i = 0; i < 2; ++i) {
      const auto k = static_cast<std::size_t>(i);
      const LinearMeasurement one = linear_measurement({ops[k]}, y.narrow(0, i, 1), {both.noise_std[k]});
      const at::Tensor part = x.narrow(0, i, 1);
      const auto off = [&](const at::Tensor& all, const at::Tensor& alone) {
        return (all.narrow(0, i, 1) - alone).abs().max().item<double>();
      };
      EXPECT_LT(off(both.backprojected, one.backprojected), 1e-14);
      EXPECT_LT(off(filtered, one.filter(part, f({numbers[k]}))), 1e-14);
      EXPECT_LT(off(mean, one.gaussian_mean(0.1 * part, root)), 1e-12);
    }
  }
}

TEST(LinearMeasurement, NetworksNeedTheEigenvalues) {
  const LinearOperatorPtr op = task_operator("radon", 8);
  const LinearMeasurement y = linear_measurement({op}, at::zeros({1, 1, 2, 12}), {0.1});
  EXPECT_THROW(y.filter(at::zeros({1, 1, 8, 8}), [](const at::Tensor& e) { return e; }), UnsuitableOperator);
}

}  // namespace
}  // namespace recon::test
