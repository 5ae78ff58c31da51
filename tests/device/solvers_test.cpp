// Every solver on the device gives the image of the CPU.
#include <map>

#include "priors/slices_prior.h"
#include "recon/core/error.h"
#include "tests/device/problems.h"
#include "tests/support/json_options.h"
#include "tests/support/strict_memory.h"

namespace recon::test {
namespace {

/// A few steps: rounding grows with them where an iteration is chaotic, as phase retrieval and stopping rules are.
std::string few_steps(const SolverKind& kind) {
  static const std::map<std::string, std::string> options = {
      {"alternating_projections", R"({"iterations": 4, "settling": 2, "restarts": 2})"},
      {"daps", R"({"steps": 3, "langevin_steps": 3, "start": "noise"})"},
      {"diffusion_raar", R"({"steps": 3, "projections": 2, "restarts": 2})"},
      {"exact_posterior", "{}"},
      {"lsqr", R"({"max_iterations": 20})"},
      {"pnp_dm", R"({"steps": 3, "prior_steps": 3, "langevin_steps": 3})"},
      {"posterior_langevin", R"({"steps": 3, "inner_steps": 2})"},
      {"richardson_lucy", R"({"max_iterations": 20})"},
      {"tgv_pdhg", R"({"max_iterations": 40})"},
      {"tikhonov_cg", R"({"weight": 0.01, "tolerance": 1e-9})"},
      {"tv_admm", R"({"weight": 0.01, "max_iterations": 12})"},
      {"tv_pdhg", R"({"max_iterations": 40})"},
      {"wavelet_fista", R"({"weight": 0.01, "max_iterations": 12})"}};
  const auto found = options.find(kind.name);
  if (found != options.end()) return found->second;
  return kind.traits.needs_prior ? R"({"steps": 4})" : "{}";
}

/// The report of the CPU; nothing when the solver has no use for the problem.
std::optional<Report> solved_on_cpu(const Solver& solver, const Problem& problem, const Prior& prior) {
  try {
    return solver.solve(problem, &prior, {.seed = 3, .observer = {}});
  } catch (const UnsuitableOperator&) {
    return std::nullopt;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data) throw;  // data with negative values, to a likelihood of photons
    return std::nullopt;
  }
}

void expect_equal_on_both(const SolverKind& kind) {
  const auto solver = kind.make();
  JsonOptions options(few_steps(kind));
  solver->visit(options);
  options.finish();
  std::int64_t solved = 0;
  const auto expect_equal = [&](const Problem& problem, const PriorPtr& prior) {
    SCOPED_TRACE(kind.name + " on " + problem.op->name());
    const auto cpu = solved_on_cpu(*solver, problem, *prior);
    if (!cpu) return;
    const Report device = solver->solve(there(problem), prior.get(), {.seed = 3, .observer = {}});
    // The conjugate gradients of diffusion_mbir stop at a relative residual of 1e-3, on the device a few steps later.
    // A projection adds in another order there, and of eight views inner solves make at most 1.4e-4 of the rounding.
    const bool loose =
        kind.name == "diffusion_mbir" || (kind.traits.needs_prior && problem.op->name().starts_with("radon"));
    EXPECT_LT(difference(device.x, cpu->x), loose ? 1e-3 : 1e-6);
    EXPECT_EQ(device.outcomes, cpu->outcomes);
    for (std::size_t i = 0; i < cpu->chi2.size(); ++i)
      EXPECT_NEAR(device.chi2[i], cpu->chi2[i], (loose ? 1e-3 : 1e-5) * std::max(cpu->chi2[i], loose ? 1. : 0.));
    for (std::size_t i = 0; i < cpu->weight.size(); ++i)
      EXPECT_NEAR(device.weight.at(i), cpu->weight[i], 1e-5 * cpu->weight[i]);
    EXPECT_EQ(device.anomaly.defined(), cpu->anomaly.defined());
    ++solved;
  };
  for (const Problem& problem : problems_of_each_kind()) expect_equal(problem, image_prior());
  if (solved == 0) expect_equal(problem_of_volumes(), std::make_shared<SlicesPrior>(image_prior()));
  EXPECT_GT(solved, 0) << "no problem for " << kind.name;
}

TEST(SolversOnTheDevice, WithoutAPriorEqualTheCpu) {
  for (const SolverKind& kind : solver_kinds()) {
    if (!kind.traits.needs_prior) expect_equal_on_both(kind);
  }
}

TEST(SolversOnTheDevice, WithAPriorEqualTheCpu) {
  for (const SolverKind& kind : solver_kinds()) {
    if (kind.traits.needs_prior) expect_equal_on_both(kind);
  }
}

// Who diverges is found out late, and contained at once.
TEST(SolversOnTheDevice, DivergedEntriesAreNamedAndLeaveTheOthersAlone) {
  Problem problem = problems_of_each_kind().front();
  const auto dps = solver_kinds().find("dps", "test").make();
  JsonOptions options(R"({"guidance": "constant", "norm": "squared", "step_size": 0.1, "steps": 6})");
  dps->visit(options);
  const auto prior = image_prior();
  const Report sound = dps->solve(there(problem), prior.get(), {.seed = 3, .observer = {}});
  problem.y = problem.y.clone();
  problem.y[1].mul_(1e200);  // its squared norm overflows
  const Report report = dps->solve(there(problem), prior.get(), {.seed = 3, .observer = {}});
  EXPECT_EQ(report.outcomes, (std::vector<Outcome>{Outcome::finished, Outcome::diverged}));
  EXPECT_TRUE(at::equal(report.x[0].cpu(), sound.x[0].cpu()));
  EXPECT_TRUE(at::isfinite(report.x.cpu()).all().item<bool>());
}

/// Eight entries of one image.
Problem eight_entries() {
  Problem problem = problems_of_each_kind().front();
  problem.y = problem.y.narrow(0, 0, 1).repeat({8, 1, 1, 1});
  problem.noise_std.assign(8, 0.05);
  problem.keys.clear();
  for (std::uint32_t i = 0; i < 8; ++i) problem.keys.push_back({0, i});
  return there(problem);
}

// How many go together is found by what one step of one entry takes of the device: then nothing is refused.
TEST(SolversOnTheDevice, FitAsManyEntriesAsTheDeviceHasRoomFor) {
  if (!counts_are_known()) GTEST_SKIP() << "its memory cannot be limited";
  const Problem problem = eight_entries();
  const auto dps = solver_kinds().find("dps", "test").make();
  JsonOptions options(R"({"steps": 4})");
  dps->visit(options);
  const auto prior = image_prior();
  const auto solved = [&](std::int64_t memory) {
    return dps->solve(problem, prior.get(), {.seed = 3, .observer = {}, .memory = memory});
  };
  const Report whole = solved(0);
  const std::int64_t held = strict_held(), growth = strict_peak() - held;
  limit_strict_memory(held + growth / 2);
  const Report parts = solved(1), halved = solved(0);
  limit_strict_memory(0);
  EXPECT_GE(parts.at_once, 1);
  EXPECT_LE(parts.at_once, 4);
  EXPECT_GE(halved.at_once, parts.at_once) << "trying finds the largest that fits";
  EXPECT_LT(difference(parts.x, whole.x.cpu()), 1e-6);
  EXPECT_LT(difference(halved.x, whole.x.cpu()), 1e-6);
}

}  // namespace
}  // namespace recon::test
