// Batches that do not fit into memory: who goes together, what is kept, and that it makes no difference.
#include "recon/solvers/micro_batches.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "priors/networks/row_store.h"
#include "recon/core/memory_budget.h"
#include "recon/core/out_of_memory.h"
#include "recon/solvers/classical/tv_pdhg.h"
#include "recon/solvers/posterior/dps.h"
#include "tests/solvers/classical_problems.h"
#include "tests/solvers/closed_form.h"
#include "tests/support/faults.h"
#include "tests/support/limited_memory.h"

namespace recon::test {
namespace {

constexpr std::int64_t kBatch = 8, kSteps = 6;

struct Case {
  PriorPtr prior;
  Problem problem;
};

/// A blurred phantom, `items` times with that many samples each.
Case blurred(std::int64_t items, std::int64_t samples) {
  const std::int64_t batch = items * samples;
  const LinearOperatorPtr op = task("blur", 64);
  Problem problem = problem_of(op, phantom(64).repeat({batch, 1, 1, 1}), std::vector<double>(kBatch, 0.05));
  problem.y = problem.y.to(at::kFloat);
  for (std::int64_t i = 0; i < batch; ++i) {
    problem.keys[static_cast<std::size_t>(i)] = {static_cast<std::uint64_t>(i / samples),
                                                 static_cast<std::uint32_t>(i % samples)};
  }
  return {.prior = photograph_like_prior(64), .problem = problem};
}

const Case& samples_case() {
  static const Case instance = blurred(1, kBatch);
  return instance;
}

const Case& items_case() {
  static const Case instance = blurred(2, kBatch / 2);
  return instance;
}

Dps few_steps() {
  Dps dps;
  dps.sampling.steps = kSteps;
  return dps;
}

Report solved(const Case& of, const Controls& controls) {
  return few_steps().solve(of.problem, of.prior.get(), controls);
}

void expect_same(const Report& parts, const Report& whole) {
  ASSERT_EQ(parts.x.sizes(), whole.x.sizes());
  // Transforms and reductions of another batch may round differently: float32, values of order 1.
  EXPECT_LT((parts.x - whole.x).abs().max().item<double>(), 2e-6);
  EXPECT_EQ(parts.outcomes, whole.outcomes);
  ASSERT_EQ(parts.chi2.size(), whole.chi2.size());
  for (std::size_t i = 0; i < whole.chi2.size(); ++i) EXPECT_NEAR(parts.chi2[i], whole.chi2[i], 1e-4 * whole.chi2[i]);
  EXPECT_EQ(parts.nfe_forward, whole.nfe_forward);
  EXPECT_EQ(parts.nfe_backward, whole.nfe_backward);
}

/// What tensors of one solve of all hold together at most.
std::int64_t peak_of_all() {
  const LimitedMemory memory;
  solved(samples_case(), {});
  return memory.peak();
}

TEST(MicroBatches, GiveWhatTheWholeBatchGives) {
  const Report whole = solved(samples_case(), {.seed = 4, .observer = {}});
  for (const std::int64_t at_once : {1, 3, 8, 100}) {
    SCOPED_TRACE(at_once);
    expect_same(solved(samples_case(), {.seed = 4, .observer = {}, .at_once = at_once}), whole);
  }
}

TEST(MicroBatches, AreHalvedUntilTheyFit) {
  const Report whole = solved(samples_case(), {});
  EXPECT_EQ(whole.at_once, 0) << "nothing stood in its way";
  const std::int64_t peak = peak_of_all();
  const LimitedMemory memory(peak * 2 / 5);
  const Report parts = solved(samples_case(), {});
  EXPECT_GE(memory.refusals(), 2);
  EXPECT_LE(memory.peak(), peak * 2 / 5);
  EXPECT_EQ(parts.at_once, 2);
  expect_same(parts, whole);
}

TEST(MicroBatches, SurviveARefusalInTheMiddleOfASolve) {
  const Report whole = solved(items_case(), {});
  LimitedMemory memory;
  std::vector<ProgressEvent> events;
  const Report parts = solved(items_case(), {.observer = [&](const ProgressEvent& event) {
                                events.push_back(event);
                                // Of the size of all images together: what a step cannot do without.
                                if (events.size() == 4) memory.refuse_next(items_case().problem.y.nbytes());
                              }});
  EXPECT_EQ(memory.refusals(), 1);
  EXPECT_EQ(parts.at_once, kBatch / 2);
  expect_same(parts, whole);
  ASSERT_EQ(events.size(), 4 + 2 * kSteps);
  EXPECT_EQ(events[3].steps, kSteps);
  for (std::int64_t i = 0; i < 2 * kSteps; ++i) {
    EXPECT_EQ(events[static_cast<std::size_t>(4 + i)].step, i + 1);
    EXPECT_EQ(events[static_cast<std::size_t>(4 + i)].steps, 2 * kSteps);
  }
}

TEST(MicroBatches, KeepWhatWasSolvedBeforeTheRefusal) {
  const Report whole = solved(samples_case(), {});
  LimitedMemory memory;
  std::int64_t steps = 0;
  const Report parts = solved(samples_case(), {.observer =
                                                   [&](const ProgressEvent&) {
                                                     if (++steps == kSteps + 2) memory.refuse_next(16 << 10);
                                                   },
                                               .at_once = kBatch / 2});
  EXPECT_EQ(memory.refusals(), 1);
  EXPECT_EQ(steps, kSteps + 2 + 2 * kSteps) << "the first half is not solved again";
  EXPECT_EQ(parts.at_once, kBatch / 4);
  expect_same(parts, whole);
}

TEST(MicroBatches, SayThatOneEntryDoesNotFit) {
  const Problem two = entries_of(samples_case().problem, 0, 2);
  const LimitedMemory memory(3 * two.y.nbytes());
  try {
    few_steps().solve(two, samples_case().prior.get(), {});
    ADD_FAILURE() << "it fits";
  } catch (const OutOfMemory& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    expect_says(error.what(), {"memory: ", "real [1, 64, 64]", "does not fit even alone", "tried to allocate"});
  }
  EXPECT_EQ(memory.refusals(), 2) << "of both, and of one";
}

TEST(MicroBatches, OtherFaultsAreNotTakenForALackOfMemory) {
  int calls = 0;
  const SolveTogether faulty = [&](const Problem&, const Controls&) -> Report {
    ++calls;
    throw c10::Error("shapes do not match", nullptr);
  };
  EXPECT_THROW(solve_in_micro_batches(samples_case().problem, nullptr, {}, faulty), c10::Error);
  EXPECT_EQ(calls, 1);
}

TEST(MicroBatches, OfLargeEntriesAreSizedByTheirFirstStep) {
  const Report whole = solved(samples_case(), {});
  std::int64_t told = 0;
  return_freed_memory();
  // Room for a few of these entries, which hold some 100 KiB each.
  const Report parts = solved(
      samples_case(), {.observer = [&](const ProgressEvent&) { ++told; }, .memory = resident_bytes() + (2 << 20)});
  EXPECT_GE(parts.at_once, 1);
  EXPECT_TRUE(std::has_single_bit(static_cast<std::uint64_t>(parts.at_once)));
  const std::int64_t most = std::min(parts.at_once, kBatch);
  EXPECT_EQ(told, (kBatch + most - 1) / most * kSteps) << "the step that was looked at is nobody's progress";
  expect_same(parts, whole);
  EXPECT_EQ(solved(samples_case(), {.observer = {}, .memory = std::int64_t{1} << 40}).at_once, 0)
      << "there is no need to look";
}

TEST(MicroBatches, OfAClassicalSolverHaveTheirTraceAndWeights) {
  TvPdhg tv;
  tv.max_iterations = 40;
  const Problem& problem = items_case().problem;
  const Report whole = tv.solve(problem, nullptr, {.observer = {}, .trace_every = 10});
  const Report parts = tv.solve(problem, nullptr, {.observer = {}, .trace_every = 10, .at_once = 3});
  ASSERT_EQ(parts.trace.size(), whole.trace.size());
  for (std::size_t i = 0; i < whole.trace.size(); ++i) {
    EXPECT_EQ(parts.trace[i].step, whole.trace[i].step);
    ASSERT_EQ(parts.trace[i].chi2.size(), whole.trace[i].chi2.size());
    for (std::size_t k = 0; k < whole.trace[i].chi2.size(); ++k) {
      EXPECT_NEAR(parts.trace[i].chi2[k], whole.trace[i].chi2[k], 1e-3 * whole.trace[i].chi2[k]);
    }
  }
  EXPECT_EQ(parts.weight.size(), whole.weight.size());
}

/// Cancelled after so many steps of all parts.
Report cancelled_after(const Case& of, std::int64_t steps) {
  CancellationToken token;
  std::int64_t done = 0;
  return solved(of, {.observer =
                         [&](const ProgressEvent&) {
                           if (++done == steps) token.cancel();
                         },
                     .cancellation = &token,
                     .at_once = 1});
}

TEST(MicroBatches, CancelledSamplesThatWereNotBegunAreLeftOut) {
  const Report report = cancelled_after(samples_case(), 2 * kSteps + 3);
  EXPECT_EQ(report.outcomes, (std::vector<Outcome>{Outcome::finished, Outcome::finished, Outcome::stopped_early}));
  EXPECT_EQ(report.x.size(0), 3);
  EXPECT_EQ(report.chi2.size(), 3);
  const Report between = cancelled_after(samples_case(), 2 * kSteps);
  EXPECT_EQ(between.outcomes, (std::vector<Outcome>{Outcome::finished, Outcome::stopped_early})) << "it is not whole";
}

TEST(MicroBatches, CancelledItemsAllHaveAnImage) {
  const Report report = cancelled_after(items_case(), 2 * kSteps + 3);
  ASSERT_EQ(report.outcomes.size(), static_cast<std::size_t>(kBatch));
  EXPECT_EQ(report.x.size(0), kBatch);
  EXPECT_EQ(report.outcomes[1], Outcome::finished);
  EXPECT_EQ(report.outcomes[7], Outcome::stopped_early);
}

TEST(MicroBatches, EntriesTakeAllThatIsTheirs) {
  Problem problem = items_case().problem;
  problem.background = problem.y.clone();
  problem.previous = problem.y.clone();
  const Problem part = entries_of(problem, 3, 2);
  EXPECT_EQ(part.batch(), 2);
  EXPECT_TRUE(at::equal(part.y, problem.y.slice(0, 3, 5)));
  EXPECT_TRUE(at::equal(part.background, part.y));
  EXPECT_TRUE(at::equal(*part.previous, part.y));
  EXPECT_EQ(part.keys, (std::vector<StreamKey>{problem.keys[3], problem.keys[4]}));
  EXPECT_EQ(part.noise_std.size(), 2);
  problem.background = problem.y.narrow(0, 0, 1);
  EXPECT_EQ(entries_of(problem, 3, 2).background.size(0), 1) << "one for all";
}

}  // namespace
}  // namespace recon::test
