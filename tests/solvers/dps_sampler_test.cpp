// DPS on every sampler's steps: the guided denoiser is one more denoiser to the engine.
#include <gtest/gtest.h>

#include "priors/samplers/sampler.h"
#include "recon/core/error.h"
#include "recon/solvers/posterior/dps.h"
#include "tests/solvers/closed_form.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

Dps with_sampler(const std::string& name, std::int64_t steps, std::int64_t solves = 0) {
  Dps dps;
  dps.solves = solves;
  dps.sampling.sampler = name;
  dps.sampling.steps = steps;
  return dps;
}

/// 100 steps on the four closed-form tasks, as closed_form_test.cpp measures them.
void expect_posterior(const std::string& name, double largest_mean_ratio, double std_tolerance) {
  for (const char* task : {"blur", "inpaint", "sr", "fourier"}) {
    const ClosedForm exact = closed_form(task, {});
    const Agreement a = compare(exact, with_sampler(name, 100).solve(exact.problem, exact.prior.get(), {}));
    std::printf("%-8s %-20s mean error %.3f x sampling error, std %.3f, residual %.2f sigma\n", task, name.c_str(),
                a.mean_ratio, a.std_ratio, a.residual);
    EXPECT_LT(a.mean_ratio, largest_mean_ratio) << name << " " << task;
    EXPECT_NEAR(a.std_ratio, 1, std_tolerance) << name << " " << task;
    EXPECT_NEAR(a.residual, 1, 0.2) << name << " " << task;
  }
}

// Fresh noise in every step forgives the guidance its model: the mean is that of the posterior.
TEST(DpsSampler, StochasticStepsSampleTheGaussianPosterior) {
  for (const char* name : {"reverse_sde", "predictor_corrector", "edm_stochastic"}) expect_posterior(name, 1.2, 0.03);
  expect_posterior("ddpm", 1.2, 0.08);
}

// Without noise the bias of the guidance adds up, for inpainting to half a posterior standard error of 16 samples.
TEST(DpsSampler, DeterministicStepsComeNearIt) {
  for (const char* name : {"ddim", "dpmpp_2m", "pf_ode_heun", "flow_heun"}) expect_posterior(name, 1.6, 0.08);
}

TEST(DpsSampler, EveryOneStaysFiniteAndCostsBackwardPassesPerForwardPass) {
  const ClosedForm c = closed_form("fourier", {.size = 16, .items = 1, .samples = 2});
  for (const auto& kind : sampler_kinds()) {
    for (const auto& [solves, backward] : {std::pair{0, 1}, std::pair{2, 2}}) {
      const Report report = with_sampler(kind.name, 20, solves).solve(c.problem, c.prior.get(), {});
      const auto sampler = kind.make();
      sampler->steps = 20;
      EXPECT_EQ(report.nfe_forward.front(), sampler->nfe()) << kind.name;
      EXPECT_EQ(report.nfe_backward.front(), backward * sampler->nfe()) << kind.name;
      EXPECT_EQ(report.outcomes[0], Outcome::finished) << kind.name;
      EXPECT_LT(report.x.abs().max().item<double>(), 3.0) << kind.name << solves;  // 12 prior standard deviations
    }
  }
}

TEST(DpsSampler, WithoutInnerSolvesTheDefaultIsAncestralSamplingToTheBit) {
  const ClosedForm c = closed_form("blur", {.size = 16, .items = 1, .samples = 2});
  const at::Tensor by_default = with_sampler("auto", 10).solve(c.problem, c.prior.get(), {}).x;
  EXPECT_TRUE(at::equal(by_default, with_sampler("ddpm", 10).solve(c.problem, c.prior.get(), {}).x));
  EXPECT_FALSE(at::equal(by_default, with_sampler("ddim", 10).solve(c.problem, c.prior.get(), {}).x));
}

TEST(DpsSampler, ThePublishedGuidanceHasItsOwnSteps) {
  const ClosedForm c = closed_form("blur", {.size = 16, .items = 1, .samples = 1});
  Dps dps = with_sampler("pf_ode_heun", 3);
  dps.guidance = word("constant");
  EXPECT_THROW(dps.solve(c.problem, c.prior.get(), {}), Error);
}

}  // namespace
}  // namespace recon::test
