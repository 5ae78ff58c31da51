#include "recon/solvers/classical/richardson_lucy.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "operators/algebra.h"
#include "operators/identity.h"
#include "operators/noise.h"
#include "recon/core/error.h"
#include "recon/solvers/classical/count_thinning.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/paths.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

at::Tensor bright(std::int64_t size) { return phantom(size) + 1; }

/// Photon counts of `truth`, whitened as recon/pipeline/solve/image_mapping.cpp does it.
Problem counted(const LinearOperatorPtr& op, const at::Tensor& truth, double peak) {
  Noise noise;
  noise.type = NoiseType::poisson;
  noise.peak = peak;
  const at::Tensor y = with_noise(noise, op->apply(truth), Rng(3, "counts"), {{0, 0}}, op->support());
  const at::Tensor variance = noise_variance(noise, y);
  const double std = std::sqrt(variance.mean().item<double>());
  const at::Tensor weights = std / variance.sqrt();
  return {.op = whitened(op, weights),
          .y = y * weights,
          .noise_std = {std},
          .keys = {{0, 0}},
          .image = op->domain(),
          .whitening = weights};
}

RichardsonLucy plain(std::int64_t iterations) {
  RichardsonLucy solver;
  solver.tv = 0;
  solver.stopping = word("none");
  solver.max_iterations = iterations;
  return solver;
}

const LinearOperator& linear(const OperatorPtr& op) { return dynamic_cast<const LinearOperator&>(*op); }

/// The Kullback-Leibler distance of the counts behind a problem, up to a constant.
double distance(const Problem& problem, const at::Tensor& x) {
  const at::Tensor counts = problem.y / problem.whitening, mean = problem.op->apply(x) / problem.whitening;
  return (mean - at::xlogy(counts, mean)).sum().item<double>();
}

TEST(RichardsonLucy, EveryStepKeepsTheTotalAndRaisesTheLikelihood) {
  const Problem problem = counted(task("blur", 24), bright(24), 200);
  double before = std::numeric_limits<double>::infinity();
  for (const std::int64_t iterations : {1, 2, 5, 20, 60}) {
    const at::Tensor x = solve(plain(iterations), problem).x;
    // The blur keeps sums (A^T 1 = 1).
    EXPECT_NEAR(x.sum().item<double>() / (problem.y / problem.whitening).sum().item<double>(), 1, 1e-10);
    EXPECT_GE(x.min().item<double>(), 0);
    const double now = distance(problem, x);
    EXPECT_LT(now, before) << iterations;
    before = now;
  }
}

// Two exposures of one image, x and 3 x: the likelihood's maximum is (y_1 + y_2) / (1 + 3), whatever the whitening;
// without undoing the whitening it would be another weighted mean.
TEST(RichardsonLucy, ConvergesToTheMaximumLikelihoodOfCounts) {
  const OperatorPtr one = make_identity(grey(12));
  const auto op = std::dynamic_pointer_cast<const LinearOperator>(stack({one, scaled(one, 3)}));
  const Problem problem = counted(op, bright(12), 50);
  const at::Tensor counts = (problem.y / problem.whitening).view({1, 2, 12, 12});
  const at::Tensor exact = counts.sum(1, true) / 4;
  EXPECT_LT(largest(solve(plain(50), problem).x - exact), 1e-12);
  Problem forgotten = problem;
  forgotten.whitening = at::Tensor();
  EXPECT_GT(largest(solve(plain(50), forgotten).x - exact), 1e-2);
}

// A zero border loses light: the sensitivity A^T 1 is below one there and an even image must stay even.
TEST(RichardsonLucy, TheOperatorsBorderIsHonoured) {
  const at::Tensor kernel = at::ones({5, 5}, at::kDouble) / 25;
  const LinearOperatorPtr op = make_blur(grey(16), kernel, Boundary::zero, "box");
  const at::Tensor even = at::full({1, 1, 16, 16}, 0.7, at::kDouble);
  const Problem problem{.op = op, .y = op->apply(even), .noise_std = {0.0}, .keys = {{0, 0}}, .image = op->domain()};
  RichardsonLucy solver;
  EXPECT_LT(largest(solve(solver, problem).x - even), 1e-10);
}

// At a fixed point x (s (1 + tv D^T(D x / |D x|)) - A^T(y / A x)) = 0: the optimality conditions of likelihood plus
// total variation where s is even.
TEST(RichardsonLucy, EndsAtTheOptimalityConditions) {
  const Problem problem = counted(task("blur", 16), bright(16), 500);
  RichardsonLucy solver = plain(4000);
  solver.tv = 0.02;
  const at::Tensor x = solve(solver, problem).x;
  const auto conditions = [&](const at::Tensor& image, double tv) {
    const ImageGradient g = image_gradient(image);
    const double floor = 8 * 0.02 * image.max().item<double>();
    const at::Tensor length = (g.vertical.square() + g.horizontal.square() + floor * floor).sqrt();
    const at::Tensor curvature = image_gradient_adjoint({g.vertical / length, g.horizontal / length});
    const at::Tensor ratio = problem.y / problem.op->apply(image) / problem.whitening;
    return (image * (1 + tv * curvature - linear(problem.op).adjoint(ratio))).abs().mean().item<double>();
  };
  EXPECT_LT(conditions(x, 0.02), 1e-4);  // 4000 steps of a method that gains 1/k: what is left of a start at 0.2
  EXPECT_GT(conditions(x, 0), 1e-3) << "total variation must matter";
}

TEST(RichardsonLucy, StopsAtTheDiscrepancyAndDenoises) {
  for (const std::string name : {"blur", "super_resolution"}) {
    const LinearOperatorPtr op = task(name, 32);
    const Problem problem = counted(op, bright(32), 100);
    const Report report = solve(RichardsonLucy(), problem);
    EXPECT_NEAR(report.chi2[0], 1, 1e-9) << name;
    EXPECT_EQ(report.outcomes[0], Outcome::converged) << name;
    if (name != "blur") continue;  // an average over pixels has nothing to sharpen, hence no noise to amplify
    EXPECT_LT(mean_square(report.x - bright(32)), mean_square(solve(plain(1000), problem).x - bright(32)));
  }
}

TEST(RichardsonLucy, AnEntryDoesNotDependOnItsBatch) {
  const LinearOperatorPtr op = task("blur", 16);
  const at::Tensor truth = at::cat({bright(16), 0.3 * bright(16).flip({2})});
  const Problem both = problem_of(op, truth, {0.05, 0.01});
  const at::Tensor together = solve(RichardsonLucy(), both).x;
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto entry = static_cast<std::size_t>(i);
    const Problem one{.op = op,
                      .y = both.y.slice(0, i, i + 1),
                      .noise_std = {both.noise_std[entry]},
                      .keys = {both.keys[entry]},
                      .image = both.image};
    EXPECT_LT(largest(together[i] - solve(RichardsonLucy(), one).x[0]), 1e-10) << i;
  }
}

/// The same problem with what is known of photons: `photon` each, after `background` was taken.
Problem with_photons(Problem problem, double photon, const at::Tensor& background) {
  problem.photon = photon;
  problem.background = background;
  if (background.defined()) problem.y = problem.y - background * problem.whitening;
  return problem;
}

TEST(RichardsonLucy, CountsEqualScikitImageOnItsOwnTerms) {
  std::ifstream file(source_path("tests/golden/classical/richardson_lucy.json"));
  const nlohmann::json golden = nlohmann::json::parse(file);
  const auto array = [](const nlohmann::json& values, const nlohmann::json& shape) {
    return at::tensor(values.get<std::vector<double>>(), at::kDouble)
        .view({1, 1, shape[0].get<std::int64_t>(), shape[1].get<std::int64_t>()});
  };
  const at::Tensor counts = array(golden["counts"], golden["shape"]);
  const at::Tensor kernel = array(golden["kernel"], golden["kernel_shape"])[0][0];
  const LinearOperatorPtr op =
      make_blur({{1, counts.size(2), counts.size(3)}, ScalarKind::real}, kernel, Boundary::zero, "golden");
  const Problem problem{.op = op, .y = counts, .noise_std = {0.0}, .keys = {{0, 0}}, .image = op->domain()};
  for (const auto& c : golden["cases"]) {
    RichardsonLucy solver = plain(c["iterations"]);
    solver.start = 0.5;
    solver.normalized = false;
    const at::Tensor expected = array(c["image"], golden["shape"]);
    // scikit-image adds 1e-12 to the prediction, and transforms round near 0.
    EXPECT_LT(largest(solve(solver, problem).x - expected), 1e-8 * largest(expected)) << c["iterations"];
    solver.normalized = true;  // the border must matter, else the comparison says nothing of it
    EXPECT_GT(largest(solve(solver, problem).x - expected), 1e-3 * largest(expected)) << c["iterations"];
  }
}

// The EM step by dense matrices, for random kernels, count levels, backgrounds and masks.
TEST(RichardsonLucy, CountsStepIsThatOfTheLikelihoodInTwoHundredRandomCases) {
  const TensorSpec image{{1, 7, 6}, ScalarKind::real};
  const auto uniform = [](std::uint64_t i, std::uint32_t step, const Shape& shape) {
    return Rng(8, "random cases").uniform({{i, 0}}, step, {shape, ScalarKind::real})[0];
  };
  for (std::uint64_t i = 0; i < 200; ++i) {
    const at::Tensor numbers = uniform(i, 0, {4});
    const double peak = std::pow(10.0, 3 * numbers[0].item<double>() - 1);
    const at::Tensor kernel = uniform(i, 1, {3, 3});
    const auto boundary = static_cast<Boundary>(i % 3);
    const LinearOperatorPtr op = make_blur(image, kernel / kernel.sum(), boundary, "random");
    const at::Tensor truth = uniform(i, 2, {1, 1, 7, 6});
    const at::Tensor background = at::full({1, 1, 7, 6}, 0.3 * numbers[1].item<double>(), at::kDouble);
    const Noise noise{.type = NoiseType::poisson, .peak = peak};
    const at::Tensor y = with_noise(noise, op->apply(truth) + background, Rng(3, "counts"), {{i, 0}});
    const at::Tensor weights = 0.5 + uniform(i, 3, {1, 1, 7, 6});
    const Problem problem = with_photons({.op = whitened(op, weights),
                                          .y = y * weights,
                                          .noise_std = {1.0},
                                          .keys = {{i, 0}},
                                          .image = image,
                                          .whitening = weights},
                                         1 / peak, background);
    RichardsonLucy solver = plain(2);
    solver.start = 0.4;
    const at::Tensor matrix = dense(*op), b = background.flatten(), counts = y.flatten();
    at::Tensor x = at::full({42}, 0.4, at::kDouble);
    const at::Tensor sensitivity = at::matmul(matrix.t(), at::ones({42}, at::kDouble));
    for (int step = 0; step < 2; ++step) {
      x = x / sensitivity * at::matmul(matrix.t(), counts / (at::matmul(matrix, x) + b).clamp_min(1e-300));
    }
    EXPECT_LT(largest(solve(solver, problem).x.flatten() - x), 1e-9 * (1 + largest(x))) << i;
  }
}

// Points on nothing, counts of 0 to some dozen: chi² of a flat image is about 1 when counts weigh themselves.
TEST(RichardsonLucy, CountsThatAreFewDoNotStopItAtTheStart) {
  const LinearOperatorPtr op = task("blur", 48);
  at::Tensor truth = at::zeros({1, 1, 48, 48}, at::kDouble);
  for (const auto& [row, column] : {std::pair{8, 9}, {20, 31}, {33, 14}, {40, 40}}) truth[0][0][row][column] = 4.0;
  truth.select(2, 26).narrow(2, 6, 30) += 0.5;
  for (const double peak : {20.0, 100.0, 1000.0}) {
    const Problem problem = with_photons(counted(op, truth, peak), 1 / peak, {});
    RichardsonLucy solver;
    solver.tv = 0;
    const Report report = solve(solver, problem);
    const double error = mean_square(report.x - truth), flat = mean_square(truth - truth.mean());
    // Points on nothing gain by more than 500 iterations where there are many photons.
    EXPECT_EQ(report.outcomes[0], peak < 1000 ? Outcome::converged : Outcome::finished) << peak;
    EXPECT_LT(error, 0.8 * flat) << peak;
    // In the error no more than half again above the best of many iterations.
    double best = flat;
    for (const std::int64_t n : {1, 2, 4, 8, 16, 32, 64, 128, 200, 500}) {
      best = std::min(best, mean_square(solve(plain(n), problem).x - truth));
    }
    EXPECT_LT(error, 1.5 * best) << peak;
  }
}

// Half of the light of everything is background: stated, it is not in the image; not stated, it is.
TEST(RichardsonLucy, CountsOfABackgroundAreNotTheImages) {
  const LinearOperatorPtr op = task("blur", 24);
  const at::Tensor truth = bright(24), background = at::full({1, 1, 24, 24}, 1.0, at::kDouble);
  const Noise noise{.type = NoiseType::poisson, .peak = 1000};
  const at::Tensor y = with_noise(noise, op->apply(truth) + background, Rng(3, "counts"), {{0, 0}});
  const at::Tensor ones = at::ones_like(y);
  const Problem bare{.op = op, .y = y, .noise_std = {0.05}, .keys = {{0, 0}}, .image = op->domain(), .whitening = ones};
  const double stated = solve(plain(30), with_photons(bare, 1e-3, background)).x.mean().item<double>();
  const double not_stated = solve(plain(30), with_photons(bare, 1e-3, {})).x.mean().item<double>();
  EXPECT_NEAR(stated, truth.mean().item<double>(), 0.02);
  EXPECT_NEAR(not_stated, truth.mean().item<double>() + 1, 0.02);
}

TEST(CountThinning, HalvesAreIndependentPoissonCountsAndAddUp) {
  constexpr std::int64_t n = 40000;
  for (const double mean : {0.3, 4.0, 25.0, 200.0}) {
    const Noise noise{.type = NoiseType::poisson, .peak = 1};
    const at::Tensor counts = with_noise(noise, at::full({1, n}, mean, at::kDouble), Rng(1, "thinning"), {{0, 0}});
    const at::Tensor half = half_of_counts(counts, 7, {{0, 0}}), rest = counts - half;
    EXPECT_GE(half.min().item<double>(), 0);
    EXPECT_GE(rest.min().item<double>(), 0);
    const double error = 4 * std::sqrt((mean + 2 * mean * mean) / n);  // of a variance of Poisson counts
    for (const at::Tensor& part : {half, rest}) {
      const at::Tensor centred = part - mean / 2;
      EXPECT_NEAR(centred.mean().item<double>(), 0, 4 * std::sqrt(mean / 2 / n)) << mean;
      EXPECT_NEAR(centred.square().mean().item<double>(), mean / 2, error) << mean;
    }
    const double covariance = ((half - mean / 2) * (rest - mean / 2)).mean().item<double>();
    EXPECT_NEAR(covariance, 0, error) << mean;  // halving every count would give mean / 4
    EXPECT_TRUE(at::equal(half, half_of_counts(counts, 7, {{0, 0}})));
  }
}

TEST(RichardsonLucy, RefusesWhatHasNoCounts) {
  const auto kind = [](const Problem& problem) {
    try {
      solve(RichardsonLucy(), problem);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::internal;
  };
  EXPECT_EQ(kind(problem_of(task("fourier", 16), bright(16), {0.05})), ErrorKind::usage);
  const at::Tensor sharpening = at::tensor({0.0, -1.0, 0.0, -1.0, 5.0, -1.0, 0.0, -1.0, 0.0}, at::kDouble).view({3, 3});
  const LinearOperatorPtr negative = make_blur(grey(16), sharpening, Boundary::circular, "sharpening");
  EXPECT_EQ(kind(problem_of(negative, bright(16), {0.05})), ErrorKind::usage);
  EXPECT_EQ(kind(problem_of(task("blur", 16), phantom(16), {0.05})), ErrorKind::data);
}

}  // namespace
}  // namespace recon::test
