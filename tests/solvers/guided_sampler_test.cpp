// What the guidance costs (Report::anomaly) against the divergence of the posterior from the prior in closed form.
#include "recon/solvers/posterior/guided_sampler.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recon/solvers/posterior/dps.h"
#include "recon/solvers/posterior/mcg.h"
#include "recon/solvers/posterior/pigdm.h"
#include "tests/solvers/closed_form.h"
#include "tests/solvers/matrix_operator.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

constexpr std::int64_t kSamples = 400;
constexpr double kStd = 0.5, kNoise = 0.2;

/// White images of four pixels, of which the first two are measured: their posterior is a product.
struct WhiteCase {
  std::shared_ptr<const GaussianPrior> prior;
  Problem problem;
};
WhiteCase white_case() {
  const Shape image{1, 2, 2};
  at::Tensor matrix = at::zeros({2, 4}, at::kDouble);
  matrix[0][0] = 1;
  matrix[1][1] = 1;
  WhiteCase result{.prior = std::make_shared<GaussianPrior>(at::zeros(image, at::kDouble),
                                                            Covariance::isotropic(image, kStd * kStd)),
                   .problem = {.op = std::make_shared<MatrixOperator>(matrix, image),
                               .y = at::tensor({0.1, 1.2}, at::kDouble).expand({kSamples, 2}).contiguous(),
                               .noise_std = std::vector<double>(kSamples, kNoise),
                               .keys = {},
                               .image = {image, ScalarKind::real}}};
  for (std::uint32_t s = 0; s < kSamples; ++s) result.problem.keys.push_back({1, s});
  return result;
}

/// KL(N(m, v + r²) || N(0, kStd² + r²)) of the posterior N(m, v) of a pixel measured as y, both blurred to the level r.
double divergence(double y, double r) {
  const double p = kStd * kStd, v = 1 / (1 / p + 1 / (kNoise * kNoise)), m = v * y / (kNoise * kNoise);
  const double wide = p + r * r, narrow = v + r * r;
  return 0.5 * (narrow / wide - 1 + std::log(wide / narrow) + m * m / wide);
}

/// The map, mean of the samples, flattened.
at::Tensor cost(const WhiteCase& white, const Solver& solver) {
  return solver.solve(white.problem, white.prior.get(), {}).anomaly.mean(0).flatten();
}

/// What the whole walk should cost per measured pixel: the noise that is left in the end hides the rest.
std::array<double, 2> exact_cost(const WhiteCase& white) {
  const double last = white.prior->schedule().min_relative_sigma(), first = white.prior->max_relative_sigma();
  return {divergence(0.1, last) - divergence(0.1, first), divergence(1.2, last) - divergence(1.2, first)};
}

// Two walks that end at the same noise level differ by what their ends differ (the way back up is the same for both).
// One solve is exact here, so the guided walk is the posterior's. First order in the steps: an excess or lack of
// 1/steps.
TEST(GuidedSampler, TheCostOfTheGuidanceIsTheDivergenceOfPosteriorAndPrior) {
  const WhiteCase white = white_case();
  const std::array<double, 2> exact = exact_cost(white);
  EXPECT_GT(exact[1], 2 * exact[0]) << "a surprising value costs more";
  double last_error = 1;
  for (const std::int64_t steps : {100, 400}) {
    Dps dps;
    dps.solves = 1;
    dps.sampling.steps = steps;
    dps.sampling.order = word("1");
    const at::Tensor found = cost(white, dps);
    std::printf("%d steps: %.4f %.4f, exact %.4f %.4f; not measured %.2g %.2g\n", static_cast<int>(steps),
                found[0].item<double>(), found[1].item<double>(), exact[0], exact[1], found[2].item<double>(),
                found[3].item<double>());
    const double error = std::abs(found[1].item<double>() / exact[1] - 1);
    EXPECT_LT(found[2].item<double>() + found[3].item<double>(), 1e-12) << "no data, no guidance";
    EXPECT_LT(error, last_error);
    last_error = error;
  }
  EXPECT_LT(last_error, 0.05);
  PiGdm pigdm;
  pigdm.sampling.steps = 400;
  EXPECT_NEAR(cost(white, pigdm)[1].item<double>() / exact[1], 1, 0.05);
}

// Every entry has its own map, whatever else is in the batch; the published step has one; a projection has none.
TEST(GuidedSampler, TheMapIsTheEntrysOwn) {
  const WhiteCase white = white_case();
  Problem one = white.problem;
  one.y = one.y.narrow(0, 3, 1);
  one.keys = {one.keys[3]};
  one.noise_std = {kNoise};
  Dps published;
  published.guidance = word("constant");
  published.step_size = 0.3;
  PiGdm heun;
  heun.sampling.sampler = "pf_ode_heun";
  const Dps dps;
  const PiGdm pigdm;
  for (const Solver* solver : std::initializer_list<const Solver*>{&dps, &pigdm, &published, &heun}) {
    const at::Tensor all = solver->solve(white.problem, white.prior.get(), {}).anomaly;
    const at::Tensor alone = solver->solve(one, white.prior.get(), {}).anomaly;
    EXPECT_EQ(all.sizes(), (at::IntArrayRef{kSamples, 1, 2, 2}));
    EXPECT_TRUE(at::equal(all[3], alone[0]));
    EXPECT_GT(alone.min().item<double>(), -1e-30);
    EXPECT_GT(alone.sum().item<double>(), 0);
  }
  EXPECT_FALSE(Mcg().solve(one, white.prior.get(), {}).anomaly.defined());
}

}  // namespace
}  // namespace recon::test
