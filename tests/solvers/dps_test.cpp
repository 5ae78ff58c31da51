#include "recon/solvers/posterior/dps.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "priors/gaussian_mixture_prior.h"
#include "priors/gaussian_prior.h"
#include "recon/core/error.h"
#include "tests/solvers/matrix_operator.h"
#include "tests/solvers/posterior_judge.h"
#include "tests/support/paths.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

/// The items [from, to) of a problem.
Problem part(const Problem& whole, std::int64_t from, std::int64_t to) {
  return {.op = whole.op,
          .y = whole.y.slice(0, from, to),
          .noise_std = {whole.noise_std.begin() + from, whole.noise_std.begin() + to},
          .keys = {whole.keys.begin() + from, whole.keys.begin() + to},
          .image = whole.image};
}

Controls seeded(std::uint64_t seed) {
  Controls controls;
  controls.seed = seed;
  return controls;
}

Dps constant_dps(double step_size, std::int64_t steps = 20) {
  Dps dps;
  dps.guidance = word("constant");
  dps.step_size = step_size;
  dps.sampling.steps = steps;
  return dps;
}

Dps auto_dps(std::int64_t steps = 20) {
  Dps dps;
  dps.sampling.steps = steps;
  return dps;
}

/// One variance for all data, no inner solves.
Dps one_variance(std::int64_t steps = 20) {
  Dps dps = auto_dps(steps);
  dps.solves = 0;
  return dps;
}

// --- The golden of tests/golden/dps/make_dps.py ----------------------------------------------------------------------

class DpsGolden : public testing::Test {
 protected:
  DpsGolden() {
    std::ifstream file(test::source_path("tests/golden/dps/dps.json"));
    golden_ = nlohmann::json::parse(file);
    problem_.op = std::make_shared<MatrixOperator>(matrix("A"), image_);
    problem_.image = problem_.op->domain();
    problem_.y = matrix("y");
    for (const auto& key : golden_["keys"]) problem_.keys.push_back({key[0], key[1]});
    problem_.noise_std.assign(problem_.keys.size(), golden_["noise_std"].get<double>());
    controls_.seed = golden_["seed"];
  }

  at::Tensor matrix(const char* name) const {
    std::vector<at::Tensor> rows;
    for (const auto& row : golden_[name]) rows.push_back(at::tensor(row.get<std::vector<double>>(), at::kDouble));
    return at::stack(rows);
  }

  GaussianMixturePrior mixture() const {
    std::vector<MixtureComponent> components;
    for (std::size_t k = 0; k < golden_["weights"].size(); ++k) {
      components.push_back({.weight = golden_["weights"][k],
                            .mean = matrix("means")[static_cast<std::int64_t>(k)].reshape(image_),
                            .covariance = Covariance::isotropic(image_, golden_["variances"][k])});
    }
    return GaussianMixturePrior(std::move(components));
  }

  void expect_equals(const char* name, const Report& report) const {
    const at::Tensor expected = matrix(name);
    ASSERT_EQ(report.x.scalar_type(), at::kDouble);
    // Both sides compute the same double precision formulas in another order: 28 steps, condition of a few hundred.
    EXPECT_LT(largest_difference(report.x.flatten(1), expected), 1e-6 * expected.abs().max().item<double>()) << name;
  }

  const Shape image_{1, 3, 4};
  nlohmann::json golden_;
  Problem problem_;
  Controls controls_;
};

TEST_F(DpsGolden, ConstantGuidanceIsAlgorithmOneOfThePaper) {
  const GaussianMixturePrior prior = mixture();
  Dps dps = constant_dps(golden_["zeta_residual"], golden_["steps"]);
  expect_equals("residual", dps.solve(problem_, &prior, controls_));
  dps.norm = word("squared");
  dps.step_size = golden_["zeta_squared"];
  expect_equals("squared", dps.solve(problem_, &prior, controls_));
}

TEST_F(DpsGolden, SelfTunedGuidanceIsItsFormula) {
  const at::Tensor mean = at::tensor(golden_["gaussian_mean"].get<std::vector<double>>(), at::kDouble).reshape(image_);
  const GaussianPrior prior(mean, Covariance::full(image_, matrix("gaussian_covariance")));
  Dps dps = one_variance(golden_["steps"]);
  dps.sampling.spacing = word("uniform_t");
  dps.sampling.order = word("2");
  expect_equals("auto", dps.solve(problem_, &prior, controls_));
}

TEST_F(DpsGolden, AnotherNormConventionIsSeen) {
  const GaussianMixturePrior prior = mixture();
  Dps dps = constant_dps(golden_["zeta_residual"].get<double>() / 2, golden_["steps"]);  // the factor 2 of FIELD D/P3
  const Report report = dps.solve(problem_, &prior, controls_);
  EXPECT_GT(largest_difference(report.x.flatten(1), matrix("residual")), 1e-3);
}

// --- Independence of seeds, batches, precision
// ------------------------------------------------------------------------

TEST(Dps, TheSameSeedGivesTheSameBits) {
  const ClosedForm c = closed_form("blur", {.size = 16, .items = 1, .samples = 2});
  for (const Dps& dps : {auto_dps(), one_variance(), constant_dps(0.3)}) {
    const Report a = dps.solve(c.problem, c.prior.get(), seeded(3));
    const Report b = dps.solve(c.problem, c.prior.get(), seeded(3));
    EXPECT_TRUE(at::equal(a.x, b.x));
    EXPECT_GT(largest_difference(a.x, dps.solve(c.problem, c.prior.get(), seeded(4)).x), 0.01);
    EXPECT_GT(largest_difference(a.x[0], a.x[1]), 0.01);
  }
}

TEST(Dps, AnItemsResultDoesNotDependOnItsBatch) {
  for (const char* task : {"blur", "inpaint", "sr", "fourier"}) {
    const ClosedForm c = closed_form(task, {.size = 16, .items = 2, .samples = 2});
    Problem loud = c.problem;
    loud.y = loud.y.clone();
    loud.y.slice(0, 2).mul_(3);  // a batch-wide norm would now weaken the guidance of the first item by half
    for (const Dps& dps : {auto_dps(), one_variance(), constant_dps(0.3)}) {
      const Report together = dps.solve(loud, c.prior.get(), {});
      const Report alone = dps.solve(part(loud, 1, 2), c.prior.get(), {});
      EXPECT_LT(largest_difference(together.x.slice(0, 1, 2), alone.x), 1e-5 * alone.x.abs().max().item<double>())
          << task << " " << to_string(dps.guidance) << " " << dps.solves.value_or(-1);
    }
  }
}

// The known-wrong variant: one norm over the batch. Four copies of one entry double it, which halves the step.
TEST(Dps, ABatchWideNormWouldBeSeen) {
  const ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 1});
  Problem copies = c.problem;
  copies.y = c.problem.y.repeat_interleave(4, 0);
  copies.keys.assign(4, c.problem.keys[0]);
  copies.noise_std.assign(4, c.problem.noise_std[0]);
  const at::Tensor alone = constant_dps(0.3).solve(c.problem, c.prior.get(), {}).x;
  const at::Tensor wrong = constant_dps(0.15).solve(c.problem, c.prior.get(), {}).x;
  const at::Tensor together = constant_dps(0.3).solve(copies, c.prior.get(), {}).x;
  const double tolerance = 1e-5 * alone.abs().max().item<double>();
  EXPECT_LT(largest_difference(together[3], alone[0]), tolerance);
  EXPECT_GT(largest_difference(wrong, alone), 1e3 * tolerance);
}

TEST(Dps, SinglePrecisionFollowsDoublePrecision) {
  const ClosedForm single = closed_form("fourier", {.size = 16, .items = 1, .samples = 2});
  ClosedForm twice = closed_form("fourier", {.size = 16, .items = 1, .samples = 2, .dtype = at::kDouble});
  for (const Dps& dps : {auto_dps(), one_variance()}) {
    const at::Tensor a = dps.solve(single.problem, single.prior.get(), {}).x;
    const at::Tensor b = dps.solve(twice.problem, twice.prior.get(), {}).x;
    EXPECT_EQ(a.scalar_type(), at::kFloat);
    EXPECT_EQ(b.scalar_type(), at::kDouble);
    // 20 steps whose x starts at r ~ 150 and ends at 1: the rounding of the first is 150 epsilon.
    EXPECT_LT(largest_difference(a.to(at::kDouble), b), 20 * 150 * std::numeric_limits<float>::epsilon())
        << dps.solves.value_or(-1);
  }
}

// --- Edges
// ------------------------------------------------------------------------------------------------------------

TEST(Dps, FewStepsAndNoiseFreeDataStayFinite) {
  for (const char* task : {"blur", "inpaint", "sr", "fourier"}) {
    ClosedForm c = closed_form(task, {.size = 16, .items = 1, .samples = 2});
    for (const std::int64_t steps : {1, 2, 3, 30}) {
      for (const double noise_std : {0.0, 0.05}) {
        c.problem.noise_std.assign(2, noise_std);
        for (const Dps& dps : {auto_dps(steps), one_variance(steps)}) {
          const Report report = dps.solve(c.problem, c.prior.get(), {});
          EXPECT_EQ(report.outcomes[0], Outcome::finished) << task << steps;
          // Exact solves of a noise-free blur amplify the noise that is there.
          if (noise_std > 0 || task != std::string("blur") || dps.solves == 0) {
            EXPECT_LT(report.x.abs().max().item<double>(), 3.0)
                << task << steps << dps.solves.value_or(-1);  // 12 prior stds
          }
          EXPECT_EQ(std::isnan(report.chi2[0]), noise_std == 0);
        }
      }
    }
  }
}

TEST(Dps, ThePublishedGuidanceHasNoInnerSolves) {
  const ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 1});
  Dps dps = constant_dps(0.3, 2);
  dps.solves = 3;
  EXPECT_THROW(dps.solve(c.problem, c.prior.get(), {}), Error);
}

// Steps, solves, order and start that nobody names.
TEST(Dps, ChoosesItsStepsByItsSolves) {
  const ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 1});
  const auto expect_same = [&](const Dps& chosen, Dps named, std::int64_t steps, const char* spacing) {
    const Report report = chosen.solve(c.problem, c.prior.get(), {});
    EXPECT_EQ(report.nfe_forward.front(), steps);
    EXPECT_EQ(report.nfe_backward.front(), 3 * steps);
    named.solves = 3;
    named.sampling.order = word("2");
    named.sampling.spacing = word(spacing);
    EXPECT_TRUE(at::equal(report.x, named.solve(c.problem, c.prior.get(), {}).x));
  };
  Dps from_data = auto_dps(15), from_noise;
  from_data.sampling.start.from = Start::From::data;
  expect_same(Dps(), from_data, 15, "karras");
  from_noise.sampling.start.from = Start::From::noise;
  Dps named = auto_dps(25);
  named.sampling.start.from = Start::From::noise;
  expect_same(from_noise, named, 25, "uniform_log_snr");
  Dps without;
  without.solves = 0;
  EXPECT_EQ(without.solve(c.problem, c.prior.get(), {}).nfe_backward.front(), 100);
}

TEST(Dps, NoiseFreeDataAreMetCloserThanNoisyOnes) {
  ClosedForm c = closed_form("inpaint", {.size = 16, .items = 1, .samples = 1});
  const auto misfit = [&](double noise_std) {
    c.problem.noise_std[0] = noise_std;
    const Report report = auto_dps(60).solve(c.problem, c.prior.get(), {});
    return (c.problem.y - c.op->apply(report.x)).abs().max().item<double>();
  };
  EXPECT_LT(misfit(0), 0.01);  // the last level of the schedule has r = 0.01
  EXPECT_GT(misfit(0.05), 0.05);
}

TEST(Dps, ItsCostIsOneForwardAndOneBackwardPassPerStep) {
  const ClosedForm c = closed_form("sr", {.size = 16, .items = 1, .samples = 3});
  for (const std::int64_t steps : {1, 7}) {
    for (const Dps& dps : {one_variance(steps), constant_dps(0.3, steps)}) {
      const Report report = dps.solve(c.problem, c.prior.get(), {});
      EXPECT_EQ(report.nfe_forward.front(), steps);
      EXPECT_EQ(report.nfe_backward.front(), steps);
    }
  }
}

TEST(Dps, ClippingTheMeanKeepsTheRangeOfTheDenoisedImage) {
  const ClosedForm c = closed_form("sr", {.size = 16, .items = 1, .samples = 1});
  const GaussianPrior narrow(c.prior->mean(), c.prior->covariance(), NoiseSchedule::vp_linear(), -0.05, 0.05);
  Dps dps = constant_dps(0);  // no guidance: the result is the last denoised image
  dps.clip_mean = true;
  EXPECT_LE(dps.solve(c.problem, &narrow, {}).x.abs().max().item<double>(), 0.05 * (1 + 1e-6));
  dps.clip_mean = false;
  EXPECT_GT(dps.solve(c.problem, &narrow, {}).x.abs().max().item<double>(), 0.1);
}

// --- More than one mode
// -----------------------------------------------------------------------------------------------

// Two narrow clouds of images; the data say little about which. DPS must hold both with the posterior's weights. With
// 400 samples the standard error of a weight of 0.25 is 0.022: a solver that finds one mode only, or ignores the data
// (weight 0.5), is off by more than ten of them.
TEST(Dps, BothModesOfAMixtureAreFoundWithTheirWeights) {
  const TwoModes exact = two_modes(400, 0.5);
  const ModeShares shares = mode_shares(exact, one_variance(60), "dps");
  EXPECT_NEAR(shares.upper, exact.upper_weight, 4 * shares.standard_error);
  EXPECT_LT(shares.spread, 0.15);  // near the clouds, not between them
}

}  // namespace
}  // namespace recon::test
