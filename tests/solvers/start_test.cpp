#include "recon/solvers/posterior/start.h"

#include <gtest/gtest.h>

#include "operators/algebra.h"
#include "operators/nonlinear/fourier_magnitude.h"
#include "recon/core/error.h"
#include "recon/solvers/classical/alternating_projections.h"
#include "recon/solvers/posterior/daps.h"
#include "recon/solvers/posterior/dps.h"
#include "tests/solvers/posterior_judge.h"
#include "tests/support/build_operator.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

Start from_data() {
  Start start;
  start.from = word("data");
  return start;
}

Start from_previous() {
  Start start;
  start.from = word("previous");
  return start;
}

// Images of a standard deviation of 0.25 are hidden by noise of 8 x 0.25: at the noisiest level the Gaussian prior
// states its own variance, up to the 1e-4 that noise of r = 157 still tells about large structures.
TEST(Start, TheLevelFollowsFromThePrior) {
  ClosedForm c = closed_form("blur", {.size = 16, .items = 1, .samples = 1});
  const double noisiest = c.prior->max_relative_sigma();
  Report report;
  const Controls controls{.seed = 0, .observer = {}};
  const auto level = [&](const Start& start) {
    SolverContext context(c.problem, c.prior.get(), controls, report);
    return start.level(context);
  };
  EXPECT_DOUBLE_EQ(level(Start()), noisiest);
  EXPECT_NEAR(level(from_data()), 2, 2e-2);
  Start given = from_data();
  given.relative_sigma = 0.7;
  EXPECT_DOUBLE_EQ(level(given), 0.7);
  given.relative_sigma = 1e6;
  EXPECT_DOUBLE_EQ(level(given), noisiest);
  c.problem.op = make_fourier_magnitude(c.problem.image, 2);
  EXPECT_DOUBLE_EQ(level(from_data()), 0.3);
}

TEST(Start, ThePreviousImageIsLeftAsFarAsTheDataHaveChanged) {
  const ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 2, .dtype = at::kDouble});
  const at::Tensor image = c.mean.expand({2, 1, 16, 16});
  Problem problem = c.problem;
  problem.op = build_operator(R"({"type": "identity"})", problem.image);
  problem.y = image.clone();
  Report report;
  const Controls controls{.seed = 0, .observer = {}};
  const auto level = [&] {
    SolverContext context(problem, c.prior.get(), controls, report);
    return from_previous().level(context);
  };
  EXPECT_THROW(level(), Error) << "an item of no series";
  problem.previous = at::Tensor();
  EXPECT_DOUBLE_EQ(level(), c.prior->max_relative_sigma()) << "the first of a series";
  const at::Tensor before = image + at::tensor({0.1, 0.2}, at::kDouble).view({2, 1, 1, 1});
  problem.previous = before;
  EXPECT_NEAR(level(), 4 * 0.2, 1e-9) << "of the sample that has changed most";
  problem.op =
      build_operator(R"({"type": "scale", "factor": 0.5, "operators": [{"type": "identity"}]})", problem.image);
  problem.y = 0.5 * image;
  EXPECT_NEAR(level(), 4 * 0.2, 1e-9) << "what the operator leaves of it is not the change";
  problem.previous = image;
  EXPECT_NEAR(level(), 4 * problem.noise_std[0] / 0.5, 1e-9) << "room to move within the noise";
  problem.previous = at::zeros_like(image);
  EXPECT_DOUBLE_EQ(level(), c.prior->max_relative_sigma()) << "a flat image says nothing";
  problem.previous = before;
  SolverContext context(problem, c.prior.get(), controls, report);
  const at::Tensor x = from_previous().image(context, {.alpha = 0.8, .sigma = 0.6}, at::ones_like(before));
  EXPECT_LT((x - 0.8 * before - 0.6).abs().max().item<double>(), 1e-12);
}

TEST(Start, MagnitudesStartFromAlternatingProjectionsInTheUnitsOfThePrior) {
  const auto prior = photograph_like_prior(16);
  const auto op = with_affine_input(make_fourier_magnitude({{1, 16, 16}, ScalarKind::real}, 2), 0.5, 0.5);
  Problem problem{.op = op, .y = {}, .noise_std = {0.01}, .keys = {{3, 1}}, .image = op->domain()};
  problem.y = op->apply(at::linspace(-1, 1, 256, at::kDouble).square().reshape({1, 1, 16, 16}));
  Report report;
  const Controls controls{.seed = 7, .observer = {}};
  SolverContext context(problem, prior.get(), controls, report);
  const at::Tensor x = from_data().image(context, {.alpha = 1, .sigma = 0}, at::zeros({1}, at::kDouble));
  AlternatingProjections search;
  search.restarts = 1;
  search.low = -1;
  search.high = 1;
  EXPECT_TRUE(at::equal(x, search.solve(problem, nullptr, controls).x));
  EXPECT_GE(x.min().item<double>(), -1);
  EXPECT_LE(x.max().item<double>(), 1);
}

TEST(Start, OperatorsWithoutAnImageOfTheirOwnAreRefused) {
  const auto prior = photograph_like_prior(16);
  Problem problem{.op = build_operator(R"({"type": "clipping"})", {{1, 16, 16}, ScalarKind::real}),
                  .y = at::zeros({1, 1, 16, 16}),
                  .noise_std = {0.01},
                  .keys = {{0, 0}},
                  .image = {{1, 16, 16}, ScalarKind::real}};
  Daps daps;
  daps.start = from_data();
  try {
    daps.solve(problem, prior.get(), {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("start: noise"), std::string::npos) << error.what();
  }
}

// A series does not change what is sampled either, in the place of twice the steps: the item before is the truth, moved
// by a pixel.
TEST(Start, ASeriesSamplesTheSamePosterior) {
  for (const char* task : {"blur", "inpaint"}) {
    Dps dps;
    ClosedForm exact = closed_form(task, {});
    const Agreement cold = judged(exact, dps, "dps 25");
    exact.problem.previous = at::roll(exact.mean.repeat_interleave(exact.samples, 0), {1}, {-1});
    dps.sampling.steps = 12;
    dps.sampling.start = from_previous();
    const Agreement warm = judged(exact, dps, "dps 12 from the item before");
    EXPECT_NEAR(warm.mean_ratio, cold.mean_ratio, 4 * kMeanRatioError) << task;
    EXPECT_NEAR(warm.std_ratio, cold.std_ratio, 4 * kStdRatioError) << task;
  }
}

// What a warm start must not do: change what is sampled. 27 levels below the derived one in the place of 50 in all.
TEST(SlowStart, AWarmStartSamplesTheSamePosterior) {
  for (const std::string& task : closed_form_tasks()) {
    Daps daps;
    daps.steps = 50;
    const ClosedForm exact = closed_form(task, {});
    const Agreement cold = judged(exact, daps, "daps 50");
    daps.start = from_data();
    daps.steps = 27;
    const Agreement warm = judged(exact, daps, "daps 27 from data");
    EXPECT_NEAR(warm.mean_ratio, cold.mean_ratio, 4 * kMeanRatioError) << task;
    EXPECT_NEAR(warm.std_ratio, cold.std_ratio, 4 * kStdRatioError) << task;
  }
}

}  // namespace
}  // namespace recon::test
