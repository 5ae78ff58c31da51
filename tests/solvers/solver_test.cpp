#include "recon/solvers/solver.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "operators/combinations/slices.h"
#include "operators/unsuitable_operator.h"
#include "priors/slices_prior.h"
#include "recon/core/error.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/diffpir.h"
#include "recon/solvers/posterior/dps.h"
#include "recon/solvers/registry.h"
#include "tests/solvers/closed_form.h"
#include "tests/support/build_operator.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

const ClosedForm& small_case() {
  static const ClosedForm instance = closed_form("inpaint", {.size = 16, .items = 2, .samples = 2});
  return instance;
}

ErrorKind kind_of_failure(const Problem& problem, const Prior* prior, std::string* message = nullptr) {
  try {
    Dps().solve(problem, prior, {});
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return error.kind();
  }
  ADD_FAILURE() << "no error";
  return ErrorKind::internal;
}

/// Counts to `limit` by adding one to every pixel; entry `poisoned` becomes NaN at step 3.
class Counter final : public Solver {
 public:
  std::int64_t limit = 5;
  std::int64_t poisoned = -1;
  bool converge = false;

  void visit(ParameterVisitor&) override {}

 private:
  at::Tensor run(SolverContext& context) const override {
    at::Tensor x = at::zeros_like(context.normal("unused", 0));
    for (std::int64_t done = 1; done <= limit; ++done) {
      x = x + 1;
      if (done == 3 && poisoned >= 0) x[poisoned][0][0][0] = std::numeric_limits<double>::quiet_NaN();
      if (!context.end_step({.done = done, .total = limit, .relative_sigma = 0, .residual_squares = {}}, x, x)) break;
    }
    if (converge) context.mark_converged(1);
    return x;
  }
};

TEST(SolverBase, NanInTheMeasurementIsADataErrorThatSaysWhere) {
  Problem problem = small_case().problem;
  problem.y = problem.y.clone();
  problem.y[1][0][2][3] = std::numeric_limits<float>::quiet_NaN();
  std::string message;
  EXPECT_EQ(kind_of_failure(problem, small_case().prior.get(), &message), ErrorKind::data);
  EXPECT_NE(message.find("[1, 0, 2, 3]"), std::string::npos) << message;
}

TEST(SolverBase, AProblemThatDoesNotFitIsRefused) {
  const GaussianPrior& prior = *small_case().prior;
  Problem problem = small_case().problem;
  EXPECT_EQ(kind_of_failure(problem, nullptr), ErrorKind::usage);
  problem.y = small_case().problem.y.slice(2, 0, 8);
  EXPECT_EQ(kind_of_failure(problem, &prior), ErrorKind::data);
  problem = small_case().problem;
  problem.noise_std[1] = -1;
  EXPECT_EQ(kind_of_failure(problem, &prior), ErrorKind::data);
  problem = small_case().problem;
  problem.keys.pop_back();
  EXPECT_EQ(kind_of_failure(problem, &prior), ErrorKind::internal);
  EXPECT_EQ(kind_of_failure(small_case().problem, photograph_like_prior(24).get()), ErrorKind::usage);
}

TEST(SolverBase, ADivergingEntryIsNamedAndLeavesTheOthersAlone) {
  Counter counter;
  const Report sound = counter.solve(small_case().problem, nullptr, {});
  counter.poisoned = 2;
  const Report report = counter.solve(small_case().problem, nullptr, {});
  for (const std::int64_t i : {0, 1, 3}) {
    EXPECT_EQ(report.outcomes[static_cast<std::size_t>(i)], Outcome::finished);
    EXPECT_TRUE(at::equal(report.x[i], sound.x[i]));
  }
  EXPECT_EQ(report.outcomes[2], Outcome::diverged);
  EXPECT_TRUE(at::equal(report.x[2], at::full_like(report.x[2], 2)));  // the last finite estimate
  EXPECT_TRUE(std::isfinite(report.chi2[2]));
}

TEST(SolverBase, DpsNamesItsDivergingEntries) {
  Problem problem = small_case().problem;
  problem.y = problem.y.clone();
  problem.y[1].mul_(1e25);  // its squared norm overflows single precision
  Dps dps;
  dps.guidance = word("constant");
  dps.norm = word("squared");
  dps.step_size = 0.1;
  dps.sampling.steps = 10;
  const Report sound = dps.solve(small_case().problem, small_case().prior.get(), {});
  const Report report = dps.solve(problem, small_case().prior.get(), {});
  EXPECT_EQ(report.outcomes[0], Outcome::finished);
  EXPECT_TRUE(at::equal(report.x[0], sound.x[0]));
  EXPECT_TRUE(at::isfinite(report.x).all().item<bool>());
}

TEST(SolverBase, CancellationReturnsTheEstimateOfThatTime) {
  CancellationToken token;
  Controls controls;
  controls.cancellation = &token;
  controls.observer = [&](const ProgressEvent& event) {
    if (event.step == 2) token.cancel();
  };
  const Report report = Counter().solve(small_case().problem, nullptr, controls);
  EXPECT_EQ(report.outcomes[0], Outcome::stopped_early);
  EXPECT_EQ(report.x.max().item<double>(), 2);

  CancellationToken again;
  controls.cancellation = &again;
  controls.observer = [&](const ProgressEvent& event) {
    if (event.step == 4) again.cancel();
  };
  Dps dps;
  dps.sampling.steps = 50;
  const Report sampled = dps.solve(small_case().problem, small_case().prior.get(), controls);
  EXPECT_EQ(sampled.nfe_forward.front(), 4);
  EXPECT_EQ(sampled.outcomes[3], Outcome::stopped_early);
  EXPECT_TRUE(at::isfinite(sampled.x).all().item<bool>());
}

TEST(SolverBase, TheTraceHoldsChiSquaredAndEndsOnTheResult) {
  std::vector<std::int64_t> seen;
  Controls controls;
  controls.trace_every = 4;
  controls.observer = [&](const ProgressEvent& event) {
    seen.push_back(event.step);
    EXPECT_EQ(event.steps, 10);
    EXPECT_TRUE(event.chi2.has_value());
  };
  Dps dps;
  dps.sampling.steps = 10;
  const Report report = dps.solve(small_case().problem, small_case().prior.get(), controls);
  EXPECT_EQ(seen.size(), 10U);
  ASSERT_EQ(report.trace.size(), 3U);  // steps 4, 8 and 10
  EXPECT_EQ(report.trace[1].step, 8);
  EXPECT_EQ(report.trace.back().chi2, report.chi2);
  EXPECT_GT(report.trace[0].relative_sigma, report.trace[1].relative_sigma);
}

TEST(SolverBase, ChiSquaredIsPerMeasuredRealComponent) {
  Problem problem = small_case().problem;
  problem.noise_std.assign(4, 0.1);
  problem.noise_std[3] = 0;
  const Report report = Counter().solve(problem, nullptr, {});
  const at::Tensor mask = problem.op->support();
  const at::Tensor r = (problem.y[0] - 5 * mask.to(at::kFloat).reshape_as(problem.y[0])).to(at::kDouble);
  const double expected = r.square().sum().item<double>() / (mask.sum().item<double>() * 0.01);
  EXPECT_NEAR(report.chi2[0], expected, 1e-6 * expected);
  EXPECT_TRUE(std::isnan(report.chi2[3]));
}

TEST(SolverBase, TimesAndMemoryAreMeasured) {
  Dps dps;
  dps.sampling.steps = 10;
  const Report report = dps.solve(small_case().problem, small_case().prior.get(), {});
  const double parts = report.seconds_network_forward + report.seconds_network_backward + report.seconds_operator;
  EXPECT_GT(report.seconds_network_forward, 0);
  EXPECT_GT(report.seconds_network_backward, 0);
  EXPECT_GT(report.seconds_operator, 0);
  EXPECT_LE(parts, report.seconds);
  EXPECT_GT(report.peak_mib, 10);  // LibTorch alone is more
  Counter counter;
  counter.converge = true;
  const Report counted = counter.solve(small_case().problem, nullptr, {});
  EXPECT_EQ(counted.outcomes[1], Outcome::converged);
  EXPECT_EQ(counted.nfe_forward.front(), 0);
}

TEST(SolverBase, DiffPirNeedsNoBackwardPass) {
  DiffPir diffpir;
  diffpir.steps = 7;
  const Report report = diffpir.solve(small_case().problem, small_case().prior.get(), {});
  EXPECT_EQ(report.nfe_forward.front(), 7);
  EXPECT_EQ(report.nfe_backward.front(), 0);
}

TEST(SolverRegistry, KindsAreSortedAndDescribed) {
  std::string last;
  for (const SolverKind& kind : solver_kinds()) {
    EXPECT_LT(last, kind.name);
    EXPECT_FALSE(kind.summary.empty());
    EXPECT_NE(kind.make(), nullptr);
    last = kind.name;
  }
  EXPECT_THROW(solver_kinds().find("dpss", "here"), Error);
}

struct WithPrior {
  Problem problem;
  PriorPtr prior;
};

/// The same images, blurred, as magnitudes of a transform, as projections, and as slices of two volumes: there is one
/// for every solver.
std::vector<WithPrior> one_of_each_kind() {
  const ClosedForm two = closed_form("blur", {.size = 16, .items = 2, .samples = 1});
  Problem blur = two.problem;
  blur.y = blur.y - blur.y.min();  // richardson_lucy takes photon counts
  std::vector<WithPrior> problems = {{blur, two.prior}};
  for (const char* op : {R"({"type": "fourier_magnitude"})", R"({"type": "radon", "angles": 8})"}) {
    problems.push_back({blur, two.prior});
    problems.back().problem.op = build_operator(op, blur.image);
    problems.back().problem.y = problems.back().problem.op->apply(blur.y);
  }
  const ClosedForm four = closed_form("blur", {.size = 16, .items = 4, .samples = 1});
  Problem volumes = blur;
  volumes.op = make_slices({four.op}, 2);
  volumes.image = volumes.op->domain();
  volumes.y = four.problem.y.unflatten(0, {2, 2});
  problems.push_back({volumes, std::make_shared<SlicesPrior>(four.prior)});
  return problems;
}

/// The first problem that the solver has a use for, with its report.
std::pair<WithPrior, Report> solved_one_of(const std::vector<WithPrior>& problems, const Solver& solver) {
  for (const auto& one : problems) {
    try {
      return {one, solver.solve(one.problem, one.prior.get(), {})};
    } catch (const UnsuitableOperator&) {
      continue;
    }
  }
  throw internal_error("test", "no problem for this solver");
}

// A result of the right kind, the same for the same seed, and per item independent of the batch.
TEST(SolverRegistry, EverySolverIsReproducibleAndIndependentOfTheBatch) {
  const std::vector<WithPrior> problems = one_of_each_kind();
  for (const SolverKind& kind : solver_kinds()) {
    const auto solver = kind.make();
    const auto [one, first] = solved_one_of(problems, *solver);
    const auto& [problem, prior] = one;
    EXPECT_TRUE(at::equal(first.x, solver->solve(problem, prior.get(), {}).x)) << kind.name;
    Problem second = problem;
    second.y = problem.y.slice(0, 1, 2);
    second.keys = {problem.keys[1]};
    second.noise_std = {problem.noise_std[1]};
    const Report alone = solver->solve(second, prior.get(), {});
    const double spread = alone.x.std().item<double>();  // not of the largest value: most pixels are far from it
    EXPECT_LT((alone.x[0] - first.x[1]).abs().max().item<double>(), 1e-5 * spread) << kind.name;
    const Report parts = solver->solve(problem, prior.get(), {.observer = {}, .at_once = 1});
    EXPECT_LT((parts.x - first.x).abs().max().item<double>(), 1e-5 * spread) << kind.name << " in micro-batches";
    EXPECT_EQ(parts.outcomes, first.outcomes) << kind.name;
  }
}

}  // namespace
}  // namespace recon::test
