#include "recon/solvers/posterior/red_diff.h"

#include <gtest/gtest.h>

#include "tests/solvers/posterior_judge.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

/// Errors against the posterior mean in units of the posterior std: of one image, and of the mean of 16.
struct PointError {
  double image = 0, mean = 0;
};

PointError point_error(const ClosedForm& exact, const Solver& solver, const std::string& label) {
  const Agreement a = judged(exact, solver, label);
  const double mean = a.mean_ratio / std::sqrt(static_cast<double>(exact.samples));
  // The 16 images scatter around their mean with variance s²: E (image - exact)² = bias² + s², and the square of the
  // error of the mean has bias² + s²/16 in it.
  const double s2 = a.std_ratio * a.std_ratio;
  return {.image = std::sqrt(mean * mean + s2 * (1 - 1.0 / static_cast<double>(exact.samples))), .mean = mean};
}

// Not a sampler, but with a Gaussian prior the optimum is the posterior mean: one image is nearer to it than an exact
// sample, which is 1 away, and the mean of 16, in which the noise of the optimiser is averaged, nearer still.
TEST(RedDiff, ComesCloserToThePosteriorMeanThanASample) {
  for (const std::string& task : closed_form_tasks()) {
    const PointError error = point_error(closed_form(task, {}), RedDiff(), "red_diff");
    std::printf("%-8s one image %.2f, mean of 16 %.2f posterior std\n", task.c_str(), error.image, error.mean);
    EXPECT_LT(error.image, 0.75) << task;
    EXPECT_LT(error.mean, 0.3) << task;
  }
}

TEST(SlowRedDiff, MoreStepsComeCloser) {
  for (const std::string& task : closed_form_tasks()) {
    const ClosedForm exact = closed_form(task, {});
    RedDiff few, many;
    many.steps = 1600;
    many.learning_rate = few.learning_rate / 4;
    const double long_run = point_error(exact, many, "red_diff 1600").image;
    EXPECT_LT(long_run, 0.7 * point_error(exact, few, "red_diff 200").image) << task;
  }
}

// The published weight knows nothing of the noise: at four times the noise it fits it.
TEST(RedDiff, TheAutomaticWeightFollowsTheNoise) {
  const ClosedForm noisy = closed_form("sr", {.noise_std = 0.2});
  RedDiff published;
  published.weight = word("published");
  const double by_noise = point_error(noisy, RedDiff(), "red_diff auto").image;
  EXPECT_LT(by_noise, 0.75);
  EXPECT_GT(point_error(noisy, published, "red_diff published").image, by_noise);
}

}  // namespace
}  // namespace recon::test
