// The twisted diffusion sampler: what its weights are worth, where the answer is known.
#include "recon/solvers/posterior/tds.h"

#include <gtest/gtest.h>

#include "priors/empirical_prior.h"
#include "recon/solvers/posterior/exact_posterior.h"
#include "recon/solvers/posterior/pigdm.h"
#include "tests/solvers/posterior_judge.h"

namespace recon::test {
namespace {

Tds with(std::int64_t particles, std::int64_t steps = 50) {
  Tds solver;
  solver.particles = particles;
  solver.steps = steps;
  return solver;
}

// Second order: the spread of a Gaussian posterior is right in 50 steps.
TEST(Tds, GaussianPosteriorIsMet) {
  for (const char* task : {"blur", "inpaint"}) {
    const Agreement found = judged(closed_form(task, {.size = 32, .items = 2, .samples = 16}), with(2), "tds, 2");
    EXPECT_NEAR(found.mean_ratio, 1, 3 * kMeanRatioError) << task;
    EXPECT_NEAR(found.std_ratio, 1, 3 * kStdRatioError) << task;
  }
}

TEST(Tds, TwoCloudsHaveTheirWeights) {
  const ModeShares found = mode_shares(two_modes(400), with(16), "tds, 16");
  EXPECT_NEAR(found.upper, 0.25, 3 * found.standard_error);
  EXPECT_NEAR(found.spread, 0.1, 0.005);
}

/// Six images far apart, of which missing pixels tell little.
struct FarImages {
  std::shared_ptr<const EmpiricalPrior> prior;
  Problem problem;
  at::Tensor weights;  ///< of the images, exact
};

FarImages far_images(std::uint32_t samples) {
  std::vector<StreamKey> keys, six;
  for (std::uint32_t s = 0; s < samples; ++s) keys.push_back({1, s});
  for (std::uint64_t i = 0; i < 6; ++i) six.push_back({i, 0});
  FarImages far{.prior = std::make_shared<EmpiricalPrior>(
                    photograph_like_prior(16)->sample(Rng(4, "far"), six, at::kDouble), 0.05),
                .problem = {},
                .weights = {}};
  const LinearOperatorPtr op = task_operator("inpaint", 16);
  const double noise = 1.5;
  const at::Tensor y = op->apply(far.prior->images().narrow(0, 0, 1)) +
                       noise * Rng(5, "noise").normal({{1, 0}}, 0, op->range(), at::kDouble) * op->support();
  far.weights = empirical_posterior(*far.prior, *op, y, noise * noise).weights;
  far.problem = {.op = op,
                 .y = y.expand({samples, -1, -1, -1}).to(at::kFloat).contiguous(),
                 .noise_std = std::vector<double>(samples, noise),
                 .keys = keys,
                 .image = op->domain()};
  return far;
}

/// Total variation distance between the images' shares among a solver's samples and their weights.
double share_error(const FarImages& far, const Solver& solver) {
  const at::Tensor x = solver.solve(far.problem, far.prior.get(), {}).x.to(at::kDouble);
  const at::Tensor nearest = far.prior->responsibilities(x, {1, 1e-6}).argmax(1);
  const at::Tensor shares = at::bincount(nearest, {}, 6).to(at::kDouble) / static_cast<double>(x.size(0));
  std::printf("shares off by %.3f\n", 0.5 * (shares - far.weights).abs().sum().item<double>());
  return 0.5 * (shares - far.weights).abs().sum().item<double>();
}

// Without weights the walks stray to images that the data hardly allow.
TEST(Tds, WeightsFindTheImagesThatTheDataAllow) {
  const FarImages far = far_images(200);
  EXPECT_LT(far.weights.max().item<double>(), 0.9) << "a task in which the data decide shows nothing";
  const double weighted = share_error(far, with(16)), unweighted = share_error(far, with(1));
  EXPECT_LT(weighted, 0.12);  // 200 exact draws among three images: .04
  EXPECT_GT(unweighted, 1.5 * weighted);
}

TEST(Tds, ALostWalkCountsNothing) {
  FarImages far = far_images(2);
  far.problem.y[1].fill_(3e19F);  // its residual's square is not finite
  const Report report = with(4, 10).solve(far.problem, far.prior.get(), {});
  EXPECT_TRUE(at::isfinite(report.x).all().item<bool>());
  EXPECT_EQ(report.outcomes[0], Outcome::finished);
  EXPECT_EQ(report.outcomes[1], Outcome::diverged);
}

}  // namespace
}  // namespace recon::test
