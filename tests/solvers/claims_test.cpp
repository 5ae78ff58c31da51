#include "tests/solvers/claims.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

#include "operators/combinations/slices.h"
#include "operators/unsuitable_operator.h"
#include "priors/slices_prior.h"
#include "recon/core/error.h"
#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/context.h"
#include "tests/support/build_operator.h"

namespace recon::test {
namespace {

/// A task with its exact posterior.
struct Judged {
  ClosedForm exact;
  bool has_mean = true;  ///< false: only what explains the data can be told
};

Judged gaussian_task(const char* task, std::int64_t samples) {
  return {closed_form(task, {.size = 16, .items = 2, .samples = samples})};
}

/// Counts need images that are not negative: the blurred ones, all raised by one number, which a blur keeps.
Judged raised_blur() {
  Judged raised = gaussian_task("blur", 1);
  const double lift = 1.1 * std::abs(raised.exact.problem.y.min().item<double>());
  raised.exact.problem.y = raised.exact.problem.y + lift;
  raised.exact.mean = raised.exact.mean + lift;
  return raised;
}

/// Magnitudes of a known image and their noise: no posterior in closed form.
Judged magnitudes() {
  Judged judged = raised_blur();
  judged.has_mean = false;
  Problem& problem = judged.exact.problem;
  const at::Tensor image = judged.exact.mean.to(at::kFloat);
  problem.op = build_operator(R"({"type": "fourier_magnitude"})", problem.image);
  const at::Tensor noise = Rng(3, "noise").normal(problem.keys, 0, problem.op->range(), at::kFloat);
  problem.y = problem.op->apply(image) + 0.05 * noise;
  return judged;
}

/// One image as a volume of one slice: what couples slices has nothing to do, and the exact posterior is known.
Judged volume_of_one_slice() {
  Judged judged = gaussian_task("blur", 1);
  ClosedForm& exact = judged.exact;
  exact.problem.op = make_slices({exact.op}, 1);
  exact.problem.y = exact.problem.y.unsqueeze(1);
  exact.problem.image = exact.problem.op->domain();
  exact.mean = exact.mean.unsqueeze(2);
  return judged;
}

double distance(const at::Tensor& x, const Judged& judged) {
  return (x.to(at::kDouble) - judged.exact.mean).square().mean().sqrt().item<double>() / judged.exact.std;
}

double mean_chi2(const Report& report) {
  double sum = 0;
  for (const double chi2 : report.chi2) sum += chi2 / static_cast<double>(report.chi2.size());
  return sum;
}

/// ddrm fits the noise of a blur; whoever else is granted more is named here.
bool has_known_bias(const SolverKind& kind) { return kind.name == "ddrm"; }

// The mean of 16 exact samples is a quarter of a standard deviation off.
std::string samples_objection(const Judged& judged, const Report& report, const SolverKind& kind) {
  const Agreement found = compare(judged.exact, report);
  const double bias = found.mean_ratio / std::sqrt(static_cast<double>(judged.exact.samples));
  std::printf("  mean %.2f posterior std off, std %.2f x exact, residual %.2f\n", bias, found.std_ratio,
              found.residual);
  const bool lenient = has_known_bias(kind);
  if (!(bias < (lenient ? 0.9 : 0.4))) return fmt::format("the samples' mean is {:.2f} posterior stds off", bias);
  if (!(found.std_ratio > (lenient ? 0.6 : 0.8) && found.std_ratio < 1.1)) {
    return fmt::format("the samples' std is {:.2f} of the posterior's", found.std_ratio);
  }
  return found.residual < 1.1 ? "" : fmt::format("the samples are {:.2f} noise stds off the data", found.residual);
}

std::string mean_objection(const Judged& judged, const Report& report) {
  const double off = distance(report.x, judged);
  std::printf("  %.2f posterior std from the mean\n", off);
  return off < 0.9 ? "" : fmt::format("the image is {:.2f} posterior stds off the mean, a draw is 1", off);
}

std::string point_objection(const Judged& judged, const Report& report) {
  const double chi2 = mean_chi2(report);
  if (!(chi2 > 0.5 && chi2 < 1.5)) return fmt::format("chi² is {:.2f}", chi2);
  if (!judged.has_mean) return "";
  const double off = distance(report.x, judged);
  const double adjoint = distance(Adjoint().solve(judged.exact.problem, nullptr, {}).x, judged);
  std::printf("  chi² %.2f, %.2f posterior std from the mean (adjoint %.2f)\n", chi2, off, adjoint);
  return off < adjoint ? "" : fmt::format("{:.2f} posterior stds off, the adjoint is {:.2f}", off, adjoint);
}

std::string objection_on(const Judged& judged, const SolverKind& kind) {
  const SlicesPrior of_slices(judged.exact.prior);
  const bool volume = judged.exact.problem.image.shape.size() == 4;
  const Prior* of_problem = volume ? static_cast<const Prior*>(&of_slices) : judged.exact.prior.get();
  const Prior* prior = kind.traits.needs_prior ? of_problem : nullptr;
  const Report report = kind.make()->solve(judged.exact.problem, prior, {.seed = 5, .observer = {}});
  std::printf("%-24s %-8s\n", kind.name.c_str(), to_string(kind.traits.claim).c_str());
  if (!at::isfinite(report.x).all().item<bool>()) return "the image is not finite";
  switch (kind.traits.claim) {
    case Claim::samples:
      return samples_objection(judged, report, kind);
    case Claim::mean:
      return mean_objection(judged, report);
    case Claim::point:
      return point_objection(judged, report);
    case Claim::none:
      return "";
  }
  return "no such claim";
}

/// An image that has nothing to do with the data, or that has everything, whatever is claimed of it.
class Planted final : public Solver {
 public:
  static inline std::function<at::Tensor(SolverContext&)> image;
  void visit(ParameterVisitor&) override {}

 private:
  at::Tensor run(SolverContext& context) const override { return image(context); }
};

SolverKind planted(Claim claim, std::function<at::Tensor(SolverContext&)> image) {
  Planted::image = std::move(image);
  return solver_kind<Planted>("planted", "wrong", {.claim = claim, .needs_prior = true});
}

at::Tensor draw_of_the_prior(SolverContext& context) {
  const auto& prior = dynamic_cast<const GaussianPrior&>(context.prior());
  return prior.sample(Rng(context.seed(), "planted"), context.problem().keys, at::kFloat);
}

at::Tensor exact_mean(SolverContext& context) {
  const auto& prior = dynamic_cast<const GaussianPrior&>(context.prior());
  const Problem& problem = context.problem();
  return prior.posterior(dense_matrix(*problem.op), measured_rows(*problem.op, problem.y), problem.noise_std[0])
      .mean.to(at::kFloat);
}

// What somebody registers is held to what it says, without a test of its own.
TEST(SolverClaims, HoldForEveryRegisteredSolver) {
  std::set<std::string> silent;
  for (const SolverKind& kind : solver_kinds()) {
    EXPECT_EQ(objection(kind), "") << kind.name << " claims " << to_string(kind.traits.claim);
    if (kind.traits.claim == Claim::none) silent.insert(kind.name);
  }
  EXPECT_EQ(silent, (std::set<std::string>{"adjoint", "fbp", "mcg"})) << "whoever claims nothing is named here";
}

TEST(SolverClaims, WrongOnesAreFound) {
  EXPECT_NE(objection(planted(Claim::samples, draw_of_the_prior)), "");
  EXPECT_NE(objection(planted(Claim::mean, draw_of_the_prior)), "");
  EXPECT_NE(objection(planted(Claim::point, draw_of_the_prior)), "");
  EXPECT_NE(objection(planted(Claim::samples, exact_mean)), "") << "it has no spread";
  EXPECT_EQ(objection(planted(Claim::mean, exact_mean)), "");
  const auto adjoint = [](SolverContext& context) { return context.vjp(exact_mean(context), context.y()); };
  EXPECT_NE(objection(planted(Claim::point, adjoint)), "");
  const auto nothing = [](SolverContext& context) { return at::zeros_like(exact_mean(context)); };
  EXPECT_NE(objection(planted(Claim::mean, nothing)), "");
  EXPECT_NE(objection(planted(Claim::point, nothing)), "");
  EXPECT_NE(objection(planted(Claim::samples, adjoint)), "");
}

// The other way round: what is said to take linear operators only, or to need a prior, does.
TEST(SolverClaims, TraitsSayWhatASolverRefuses) {
  const Judged nonlinear = magnitudes();
  const Judged linear = gaussian_task("inpaint", 1);
  for (const SolverKind& kind : solver_kinds()) {
    if (kind.traits.linear_only) {
      EXPECT_THROW(kind.make()->solve(nonlinear.exact.problem, nonlinear.exact.prior.get(), {}), UnsuitableOperator)
          << kind.name;
    }
    EXPECT_TRUE(kind.traits.samples || kind.traits.claim != Claim::samples) << kind.name;
    if (kind.traits.needs_prior) {
      EXPECT_THROW(kind.make()->solve(linear.exact.problem, nullptr, {}), Error) << kind.name;
    }
  }
}

}  // namespace

std::string objection(const SolverKind& kind) {
  const bool draws = kind.traits.claim == Claim::samples;
  static const std::vector<Judged> tasks = {gaussian_task("blur", 1), raised_blur(), magnitudes(),
                                            gaussian_task("radon", 1), volume_of_one_slice()};
  static const Judged sampled = gaussian_task("blur", 16);
  if (draws) return objection_on(sampled, kind);
  for (const Judged& judged : tasks) {
    try {
      return objection_on(judged, kind);
    } catch (const UnsuitableOperator&) {
      continue;
    } catch (const Error& error) {
      // Negative counts are bad data for a likelihood of photons, which the next task does not have.
      if (error.kind() != ErrorKind::data) throw;
    }
  }
  return "there is no task for it";
}

}  // namespace recon::test
