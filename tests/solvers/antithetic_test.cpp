// Two samples from opposite noise: their mean is that of the posterior, as far as the sampler is linear in its noise.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <utility>

#include "recon/solvers/posterior/dps.h"
#include "recon/solvers/posterior/pigdm.h"
#include "tests/solvers/closed_form.h"

namespace recon::test {
namespace {

/// Root mean square error of the mean of two samples in standard deviations of the posterior: 1/sqrt(2) when they are
/// independent and right.
double error_of_two(const Solver& solver, const std::string& task, bool antithetic) {
  ClosedForm exact = closed_form(task, {.items = 1, .samples = 2});
  if (antithetic) exact.problem.keys[1] = {.item = exact.problem.keys[0].item, .mirrored = true};
  const Report report = solver.solve(exact.problem, exact.prior.get(), {});
  return std::sqrt((report.x.mean(0, true) - exact.mean).square().mean().item<double>()) / exact.std;
}

// On a Gaussian posterior a linear sampler's pair is exactly symmetric. What is left is the sampler's bias, and what
// its weights, which follow the iterate, do to the symmetry.
TEST(Antithetic, TheMeanOfAPairIsNearlyThatOfThePosterior) {
  const Dps dps;
  const PiGdm pigdm;
  const std::pair<const char*, const Solver*> solvers[] = {{"dps", &dps}, {"pigdm", &pigdm}};
  for (const auto& [name, solver] : solvers) {
    for (const char* task : {"blur", "inpaint", "sr", "fourier"}) {
      const double pair = error_of_two(*solver, task, true), independent = error_of_two(*solver, task, false);
      std::printf("%-8s %-6s error of two: %.3f, independent %.3f\n", task, name, pair, independent);
      EXPECT_LT(pair, 0.15) << name << " " << task;
      EXPECT_GT(independent, 0.6) << name << " " << task;
    }
  }
}

}  // namespace
}  // namespace recon::test
