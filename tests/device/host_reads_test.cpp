// How often a step makes the host wait for the device.
#include <functional>

#include "operators/conjugate_gradient.h"
#include "recon/solvers/context.h"
#include "tests/device/problems.h"
#include "tests/support/json_options.h"

namespace recon::test {
namespace {

/// What one step more costs, of work that takes a number of steps.
struct PerStep {
  double reads = 0, uploads = 0, synchronisations = 0;
};

PerStep per_step(const std::string& name, const std::function<void(std::int64_t steps)>& work) {
  constexpr std::int64_t few = 4, many = 12;
  work(few);  // constants are uploaded once
  const DeviceCounts short_run = counts_of([&] { work(few); }), long_run = counts_of([&] { work(many); });
  const auto more = [](std::int64_t with, std::int64_t without) {
    return static_cast<double>(with - without) / static_cast<double>(many - few);
  };
  const PerStep result{more(long_run.host_reads, short_run.host_reads), more(long_run.uploads, short_run.uploads),
                       more(long_run.synchronisations, short_run.synchronisations)};
  fmt::print("{:<44} host reads {:6.2f}  uploads {:6.2f}  synchronisations {:5.2f}  launches {:7.1f}\n", name,
             result.reads, result.uploads, result.synchronisations, more(long_run.launches, short_run.launches));
  return result;
}

/// A blur, whose A^H A has a closed form, and parallel imaging, whose has none.
Problem problem(bool spectral) {
  const at::Tensor truth = at::cat({phantom(kSide), 0.5 * phantom(kSide)});
  const char* const sense = R"({"type": "sense", "acceleration": 1.5, "seed": 1})";
  return there(problem_of(spectral ? task("blur", kSide) : build_linear(sense, grey(kSide)), truth, {0.05, 0.1}));
}

enum class Watching { nobody, observer };

class HostReads : public testing::Test {
 protected:
  void SetUp() override {
    if (!counts_are_known()) GTEST_SKIP() << "only the strict device counts";
  }

  /// `options` has STEPS where the number of steps stands.
  static PerStep of(const std::string& solver, const std::string& options, Watching watching, bool spectral) {
    const Problem given = problem(spectral);
    const auto prior = image_prior();
    Controls controls{.seed = 3, .observer = {}};
    if (watching == Watching::observer) controls.observer = [](const ProgressEvent&) {};
    const std::string name = fmt::format("{} {}{}{}", solver, options, spectral ? "" : ", no closed form",
                                         watching == Watching::observer ? ", watched" : "");
    return per_step(name, [&](std::int64_t steps) {
      const auto made = solver_kinds().find(solver, "test").make();
      std::string text = options;
      text.replace(text.find("STEPS"), 5, std::to_string(steps));
      JsonOptions read(text);
      made->visit(read);
      read.finish();
      made->solve(given, prior.get(), controls);
    });
  }
};

const std::vector<std::pair<std::string, std::string>> kDiffusion = {{"dps", R"({"steps": STEPS})"},
                                                                     {"dps", R"({"solves": 0, "steps": STEPS})"},
                                                                     {"pigdm", R"({"steps": STEPS})"},
                                                                     {"diffpir", R"({"steps": STEPS})"},
                                                                     {"plug_and_play", R"({"steps": STEPS})"}};

TEST_F(HostReads, OfADiffusionStepAreNoneWhileNobodyWatches) {
  for (const auto& [solver, options] : kDiffusion) {
    const PerStep step = of(solver, options, Watching::nobody, true);
    EXPECT_EQ(step.reads, 0);
    EXPECT_EQ(step.uploads, 0) << "CUDA waits for the device to copy from memory that is not pinned";
    EXPECT_EQ(step.synchronisations, 0);
  }
}

TEST_F(HostReads, OfAWatchedDiffusionStepAreOne) {
  for (const auto& [solver, options] : kDiffusion) {
    const PerStep step = of(solver, options, Watching::observer, true);
    EXPECT_EQ(step.reads, 1);
    EXPECT_EQ(step.synchronisations, 0);
  }
}

// Conjugate gradients inside a step look at their stopping rule every fourth iteration: before, when each inner product
// was read, a step of dps read 91 times and one of pigdm, diffpir or plug_and_play 25 to 35 times.
TEST_F(HostReads, OfStepsWithInnerSolvesAreAQuarterOfTheirIterations) {
  for (const auto& [solver, options] : kDiffusion) {
    EXPECT_LE(of(solver, options, Watching::nobody, false).reads, solver == "dps" ? 12 : 6);
  }
}

// Every twentieth iteration of tv_pdhg has three: chi², the weight, and the change of the image.
TEST_F(HostReads, OfClassicalIterations) {
  const auto unwatched = [](const char* solver, const char* options) {
    return of(solver, options, Watching::nobody, true).reads;
  };
  EXPECT_LE(unwatched("tv_pdhg", R"({"max_iterations": STEPS0, "tolerance": 1e-12})"), 10 * 3.0 / 20);
  EXPECT_LE(unwatched("wavelet_fista", R"({"weight": 0.01, "max_iterations": STEPS, "tolerance": 1e-12})"), 0.25);
  // Its conjugate gradients take some 46 iterations for this tolerance.
  EXPECT_LE(unwatched("tv_admm", R"({"weight": 0.01, "max_iterations": STEPS, "tolerance": 1e-12})"), 12);
}

TEST_F(HostReads, OfAConjugateGradientIterationAreAQuarter) {
  const Problem given = problem(false);
  const auto& op = dynamic_cast<const LinearOperator&>(*given.op);
  const at::Tensor b = op.adjoint(given.y);
  const PerStep step = per_step("conjugate gradients", [&](std::int64_t steps) {
    conjugate_gradient([&](const at::Tensor& x) { return op.normal(x) + 0.1 * x; }, b, {},
                       {.tolerance = 0, .max_iterations = steps});
  });
  EXPECT_LE(step.reads, 0.25);
  EXPECT_EQ(step.uploads, 0);
}

/// Looks at every step at how bright its image is.
class Peeping final : public Solver {
 public:
  std::int64_t steps = 4;
  void visit(ParameterVisitor& v) override { v.field("steps", steps, "steps"); }

 private:
  at::Tensor run(SolverContext& context) const override {
    at::Tensor x = context.vjp(at::zeros_like(context.normal("peeping", 0)), context.y());
    for (std::int64_t k = 1; k <= steps; ++k) {
      if (x.abs().max().item<double>() > 1e9) break;  // the planted fault
      x = 0.5 * x;
      if (!context.end_step({.done = k, .total = steps, .relative_sigma = 0, .residual_squares = {}}, x, x)) break;
    }
    return x;
  }
};

TEST_F(HostReads, APlantedItemInAStepIsCounted) {
  const Problem given = problem(true);
  const PerStep step = per_step("a planted item", [&](std::int64_t steps) {
    Peeping solver;
    solver.steps = steps;
    solver.solve(given, nullptr, {});
  });
  EXPECT_GE(step.reads, 1);
}

}  // namespace
}  // namespace recon::test
