// Inner solves of dps: the exact mean of a Gaussian x_0 | x_t given the data, in k passes back through the network.
#include "recon/solvers/posterior/inner_solves.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "recon/solvers/posterior/dps.h"
#include "tests/solvers/matrix_operator.h"
#include "tests/solvers/posterior_judge.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

Dps with_solves(std::int64_t solves, std::int64_t steps) {
  Dps dps;
  dps.solves = solves;
  dps.sampling.steps = steps;
  dps.sampling.start.from = Start::From::noise;
  return dps;
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

constexpr double kStart = 0.8;  // relative sigma of the single steps below

/// Where a single step from kStart begins, which is where it ends without data.
struct FirstLevel {
  NoiseLevel level;
  at::Tensor x_t, x0;
};

FirstLevel first_level(const Prior& prior, const Problem& problem) {
  FirstLevel first;
  first.level = prior.schedule().steps(1, Spacing::uniform_log_snr, kStart)[0];
  first.x_t = first.level.sigma * Rng(0, "dps").normal(problem.keys, 0, problem.image, at::kDouble);
  first.x0 = prior.denoise(first.x_t, first.level);
  return first;
}

at::Tensor single_step(const Problem& problem, const Prior& prior, std::int64_t solves) {
  Dps dps = with_solves(solves, 1);
  dps.sampling.start.relative_sigma = kStart;
  return dps.solve(problem, &prior, {}).x;
}

/// D + V A^H (A V A^H + noise_std² I)^-1 (y - A(D)), dense.
at::Tensor kalman_mean(const at::Tensor& x0, const at::Tensor& covariance, const at::Tensor& matrix,
                       const at::Tensor& innovation, double noise_std) {
  const at::Tensor zero = at::zeros_like(x0[0]);
  return x0 + gaussian_posterior(zero, covariance, matrix, innovation, noise_std).mean;
}

at::Tensor covariance_at(const GaussianPrior& prior, const NoiseLevel& level) {
  const double r2 = level.relative_sigma() * level.relative_sigma();
  const at::Tensor sigma = prior.covariance().dense();
  return r2 * at::linalg_solve(sigma + r2 * at::eye(sigma.size(0), at::kDouble), sigma);
}

/// rms distance of a single step's D_y from the exact E[x_0 | x_t, y], in units of that of D.
double distance_left(const ClosedForm& c, const Prior& denoiser, std::int64_t solves) {
  const FirstLevel first = first_level(*c.prior, c.problem);
  const at::Tensor matrix = dense_matrix(*c.op);
  const at::Tensor innovation = measured_rows(*c.op, c.problem.y) - at::matmul(first.x0.flatten(1), matrix.t());
  const at::Tensor expected =
      kalman_mean(first.x0, covariance_at(*c.prior, first.level), matrix, innovation, c.problem.noise_std[0]);
  const at::Tensor off = single_step(c.problem, denoiser, solves) - expected;
  return (off.square().mean() / (first.x0 - expected).square().mean()).sqrt().item<double>();
}

// As many conjugate gradients as there are data end on the exact mean, whatever the operator; a few are on the way.
// (What falls from one to the next is the error's energy, and not always its length.)
TEST(InnerSolves, GoToTheExactMean) {
  for (const char* task : {"blur", "inpaint", "sr", "fourier", "radon"}) {
    const ClosedForm c = closed_form(task, {.size = 16, .items = 2, .samples = 1, .dtype = at::kDouble});
    double before = 1;
    for (const std::int64_t solves : {1, 3, 8}) {
      const double left = distance_left(c, *c.prior, solves);
      std::printf("%-8s %ld solves leave %.2e\n", task, solves, left);
      EXPECT_LT(left, before) << task << solves;
      before = left;
    }
    EXPECT_LT(before, 0.1) << task;
  }
}

/// A Gaussian's denoiser whose Jacobian, or whose stated error, is off by a factor, or whose Jacobian has a part that
/// is not symmetric: `turn` times a shift of the image by a pixel less its transpose.
class Altered final : public Prior {
 public:
  Altered(std::shared_ptr<const GaussianPrior> prior, double jacobian, double error, double turn = 0)
      : Prior("altered", prior->domain(), prior->schedule()),
        prior_(std::move(prior)),
        jacobian_(jacobian),
        error_(error),
        turn_(turn) {}
  double denoising_mse(double r) const override { return error_ * prior_->denoising_mse(r); }

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override {
    const at::Tensor x0 = denoise_on_tape(*prior_, x_t, level);
    const at::Tensor change = x0 - x0.detach();
    return x0.detach() + jacobian_ * change + turn_ * (at::roll(change, 1, -1) - at::roll(change, -1, -1));
  }
  std::shared_ptr<const GaussianPrior> prior_;
  double jacobian_, error_, turn_;
};

// The known-wrong variants: a covariance of another size ends elsewhere, and without its weight the preconditioner of
// a blur, whose gain spans many orders, leaves far more.
TEST(InnerSolves, AWrongCovarianceOrPreconditionerIsSeen) {
  const ClosedForm c = closed_form("blur", {.size = 16, .items = 2, .samples = 1, .dtype = at::kDouble});
  const double right = distance_left(c, *c.prior, 3);
  EXPECT_EQ(distance_left(c, Altered(c.prior, 1, 1), 3), right);
  EXPECT_LT(distance_left(c, *c.prior, 8), 1e-5);
  EXPECT_GT(distance_left(c, Altered(c.prior, 2, 1), 8), 0.05);
  EXPECT_GT(distance_left(c, Altered(c.prior, 1, 1e-8), 3), 1.5 * right);
}

// No covariance: J = -1. The first direction is not taken.
TEST(InnerSolves, NegativeCurvatureLeavesTheDenoisedImage) {
  const ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 2, .dtype = at::kDouble});
  const Altered negative(c.prior, -1, 1);
  EXPECT_TRUE(at::equal(single_step(c.problem, negative, 3), first_level(*c.prior, c.problem).x0));
}

// A Jacobian that is hardly symmetric: <p, B p> is that of the Gaussian, B p is not, and the step would be a thousand
// times too long. Networks have such places at high noise.
TEST(InnerSolves, StepsThatOvershootAreNotTaken) {
  const ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 2, .dtype = at::kDouble});
  const Altered turned(c.prior, 1, 1, 1000);
  EXPECT_TRUE(at::equal(single_step(c.problem, turned, 3), first_level(*c.prior, c.problem).x0));
}

/// A Gaussian's denoiser whose derivative leaks `leak` times what it says of a measured pixel into the pixel beside it,
/// if that is not measured.
class Leaking final : public Prior {
 public:
  Leaking(std::shared_ptr<const GaussianPrior> prior, at::Tensor measured, double leak)
      : Prior("leaking", prior->domain(), prior->schedule()),
        prior_(std::move(prior)),
        measured_(std::move(measured)),
        leak_(leak) {}
  double denoising_mse(double r) const override { return prior_->denoising_mse(r); }

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override {
    const at::Tensor change = x_t - x_t.detach();
    return denoise_on_tape(*prior_, x_t + leak_ * measured_ * at::roll((1 - measured_) * change, 1, -1), level);
  }
  std::shared_ptr<const GaussianPrior> prior_;
  at::Tensor measured_;
  double leak_;
};

// The data see nothing of it: <p, B p> and B p are those of the Gaussian. The image would be filled with anything.
TEST(InnerSolves, WhatIsNotMeasuredIsNotFilledByAWrongDerivative) {
  const ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 2, .dtype = at::kDouble});
  const at::Tensor measured = c.op->support().to(at::kDouble);
  const at::Tensor sound = single_step(c.problem, *c.prior, 3), x0 = first_level(*c.prior, c.problem).x0;
  EXPECT_TRUE(at::equal(single_step(c.problem, Leaking(c.prior, measured, 0), 3), sound));
  EXPECT_FALSE(at::equal(sound, x0));
  EXPECT_TRUE(at::equal(single_step(c.problem, Leaking(c.prior, measured, 20), 3), x0));
}

// One entry has nothing to explain, which the others do not feel.
TEST(InnerSolves, EntriesStopOnTheirOwn) {
  ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 3, .dtype = at::kDouble});
  const at::Tensor before = single_step(c.problem, *c.prior, 3);
  const at::Tensor x0 = first_level(*c.prior, c.problem).x0;
  c.problem.y = c.problem.y.clone();
  c.problem.y[1].copy_(c.op->apply(x0)[1]);
  const at::Tensor after = single_step(c.problem, *c.prior, 3);
  EXPECT_TRUE(at::equal(after[1], x0[1]));
  EXPECT_TRUE(at::equal(after[0], before[0]));
  EXPECT_TRUE(at::equal(after[2], before[2]));
}

/// y = x + x³ / 3 per pixel.
class Cubic final : public Operator {
 public:
  explicit Cubic(const TensorSpec& image) : Operator("cubic", image, image) {}
  static at::Tensor slope(const at::Tensor& x) { return 1 + x.square(); }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return x + x.pow(3) / 3; }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override { return slope(x) * v; }
};

// The operator's derivative at D takes its place. The central difference of the product has 1e-10 of error.
TEST(InnerSolves, TakeTheDerivativeOfANonLinearOperator) {
  ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 2, .dtype = at::kDouble});
  const auto cubic = std::make_shared<Cubic>(c.problem.image);
  c.problem.op = cubic;
  c.problem.noise_std = {0.2, 0.2};
  c.problem.y = 0.3 * Rng(4, "y").normal(c.problem.keys, 0, c.problem.image, at::kDouble);
  const FirstLevel first = first_level(*c.prior, c.problem);
  const at::Tensor innovation = c.problem.y - cubic->apply(first.x0);
  const at::Tensor covariance = covariance_at(*c.prior, first.level);
  const at::Tensor found = single_step(c.problem, *c.prior, 8);
  for (std::int64_t i = 0; i < 2; ++i) {
    const at::Tensor slopes = at::diag(Cubic::slope(first.x0[i]).flatten());
    const at::Tensor expected =
        kalman_mean(first.x0.narrow(0, i, 1), covariance, slopes, innovation.narrow(0, i, 1).flatten(1), 0.2);
    const double moved = largest_difference(expected, first.x0.narrow(0, i, 1));
    EXPECT_LT(largest_difference(found.narrow(0, i, 1), expected), 0.01 * moved);
  }
}

TEST(InnerSolves, CostOneBackwardPassEach) {
  const ClosedForm c = closed_form("sr", {.size = 16, .items = 1, .samples = 1});
  for (const std::int64_t solves : {1, 3}) {
    const Report report = with_solves(solves, 5).solve(c.problem, c.prior.get(), {});
    EXPECT_EQ(report.nfe_forward.front(), 5);
    EXPECT_EQ(report.nfe_backward.front(), 5 * solves);
  }
}

/// The closed-form figures of some steps of three solves.
void expect_exact(std::int64_t steps, Start::From from, double largest_mean_ratio, double std_tolerance) {
  for (const char* task : {"blur", "inpaint", "sr", "fourier", "radon"}) {
    Dps dps = with_solves(3, steps);
    dps.sampling.start.from = from;
    const Agreement a = judged(closed_form(task, {}), dps, fmt::format("{} steps from {}", steps, to_string(from)));
    EXPECT_LT(a.mean_ratio, largest_mean_ratio + kMeanRatioError) << task;
    EXPECT_NEAR(a.std_ratio, 1, std_tolerance) << task;
    EXPECT_NEAR(a.residual, 1, 0.1) << task;
  }
}

TEST(InnerSolvesClosedForm, TwentyStepsOfThree) { expect_exact(20, Start::From::noise, 1.1, 0.03); }
TEST(InnerSolvesClosedForm, FiftyStepsOfThree) { expect_exact(50, Start::From::noise, 1.1, 0.02); }
TEST(InnerSolvesClosedForm, FifteenFromTheData) { expect_exact(15, Start::From::data, 1.1, 0.07); }
TEST(InnerSolvesClosedForm, FiftyFromTheData) { expect_exact(50, Start::From::data, 1.1, 0.02); }

// The known-wrong variant: twice the covariance, which the bounds above must not let pass.
TEST(InnerSolvesClosedForm, AWrongCovarianceIsBiased) {
  const ClosedForm c = closed_form("blur", {});
  const Altered wrong(c.prior, 2, 1);
  const Agreement a = compare(c, with_solves(3, 20).solve(c.problem, &wrong, {}));
  std::printf("twice the covariance: mean %.3f, std %.3f\n", a.mean_ratio, a.std_ratio);
  EXPECT_TRUE(a.mean_ratio > 1.1 + kMeanRatioError || std::abs(a.std_ratio - 1) > 0.03);
}

TEST(InnerSolves, BothModesOfAMixtureAreFoundWithTheirWeights) {
  const TwoModes exact = two_modes(400, 0.5);
  const ModeShares shares = mode_shares(exact, with_solves(3, 25), "dps");
  EXPECT_NEAR(shares.upper, exact.upper_weight, 4 * shares.standard_error);
  EXPECT_LT(shares.spread, 0.15);  // near the clouds, not between them
}

}  // namespace
}  // namespace recon::test
