#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "operators/blur/blur.h"
#include "operators/fourier/fourier.h"
#include "operators/identity.h"
#include "operators/inpainting/inpainting.h"
#include "operators/resampling/super_resolution.h"
#include "recon/core/error.h"
#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/classical/lsqr.h"
#include "recon/solvers/classical/operator_norm.h"
#include "recon/solvers/classical/tgv_pdhg.h"
#include "recon/solvers/classical/tikhonov_cg.h"
#include "recon/solvers/classical/tv_admm.h"
#include "recon/solvers/classical/tv_pdhg.h"
#include "recon/solvers/classical/wavelet_fista.h"
#include "recon/solvers/classical/wiener.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/paths.h"
#include "tests/support/word.h"

namespace recon {
namespace {

using namespace test;  // NOLINT

/// argmin ||y - A x||² + weight ||L x||², by least squares on the stacked system.
at::Tensor dense_tikhonov(const LinearOperator& op, const at::Tensor& y, const at::Tensor& L, double weight) {
  const at::Tensor A = dense(op);
  const at::Tensor normal_matrix = at::matmul(A.t(), A) + weight * at::matmul(L.t(), L);
  const at::Tensor x = at::linalg_solve(normal_matrix, at::matmul(A.t(), real_rows(y)));
  const std::int64_t size = op.domain().shape[1];
  return x.t().reshape({y.size(0), 1, size, size});
}

TEST(ImageGradient, AdjointAndNormHold) {
  const TensorSpec image{{2, 5, 7}, ScalarKind::real};
  const at::Tensor x = normal("x", image), a = normal("a", image), b = normal("b", image);
  const ImageGradient g = image_gradient(x);
  const double forward = real_inner(g.vertical, a).item<double>() + real_inner(g.horizontal, b).item<double>();
  EXPECT_NEAR(forward, real_inner(x, image_gradient_adjoint({a, b})).item<double>(), 200 * kEpsilon);
  EXPECT_EQ(x[0][1][3][2].item<double>() + g.vertical[0][1][3][2].item<double>(), x[0][1][4][2].item<double>());
  EXPECT_EQ(largest(g.vertical.select(2, 4)), 0);
  EXPECT_EQ(largest(g.horizontal.select(3, 6)), 0);
  const at::Tensor D = dense_gradient(8);
  EXPECT_LT(at::linalg_matrix_norm(D, 2).item<double>(), std::sqrt(8.0));
}

TEST(OperatorNorm, BoundsTheLargestSingularValueFromAbove) {
  for (const std::string& name : kTasks) {
    const LinearOperatorPtr op = task(name, 12);
    const double exact = std::pow(at::linalg_matrix_norm(dense(*op), 2).item<double>(), 2);
    const double estimate = squared_operator_norm(*op, at::kDouble);
    EXPECT_GE(estimate, exact) << name;
    EXPECT_LE(estimate, 1.03 * exact) << name;  // 2 % margin and what the iteration misses
  }
}

TEST(Adjoint, HasTheBrightnessOfAnImage) {
  Adjoint solver;
  for (const std::string& name : kTasks) {
    const LinearOperatorPtr op = task(name, 16);
    const Problem problem = problem_of(op, phantom(16), {0.0});
    const at::Tensor x = solve(solver, problem).x, back = op->adjoint(problem.y);
    // A A^H is the identity on the support of a pixel mask and 1/f² for averaging, so the fit is known.
    if (name == "inpainting") {
      EXPECT_LT(largest(x - back), 100 * kEpsilon);
    }
    if (name == "super_resolution") {
      EXPECT_LT(largest(x - 4 * back), 100 * kEpsilon);
    }
    // The fitted scale leaves a residual orthogonal to A x.
    const at::Tensor data = op->apply(x);
    EXPECT_NEAR(real_inner(problem.y - data, data).item<double>(), 0,
                1e3 * kEpsilon * squared_norms(data).item<double>());
  }
  solver.scale = test::word("none");
  const LinearOperatorPtr op = task("super_resolution", 16);
  const Problem problem = problem_of(op, phantom(16), {0.0});
  EXPECT_TRUE(at::equal(solve(solver, problem).x, op->adjoint(problem.y)));
}

TEST(TikhonovCg, EqualsTheDenseSolution) {
  const std::int64_t size = 12;
  for (const std::string& name : kTasks) {
    const LinearOperatorPtr op = task(name, size);
    const Problem problem = problem_of(op, phantom(size), {0.05});
    for (const std::string penalty : {"gradient", "identity"}) {
      TikhonovCg solver;
      solver.weight = 0.03;
      solver.penalty = test::word(penalty);
      solver.tolerance = 1e-10;
      solver.max_iterations = 2000;
      const at::Tensor L = penalty == "gradient" ? dense_gradient(size) : at::eye(size * size, at::kDouble);
      const at::Tensor exact = dense_tikhonov(*op, problem.y, L, 0.03);
      // The residual is 1e-10 of the right side; the condition number is at most ~ 9 / (.03 * smallest of L^T L).
      EXPECT_LT(largest(solve(solver, problem).x - exact), 1e-6) << name << " " << penalty;
      EXPECT_GT(largest(dense_tikhonov(*op, problem.y, L, 0.04) - exact), 1e-3) << "the weight must matter";
    }
  }
}

TEST(Wiener, EqualsTheDenseFilter) {
  const std::int64_t size = 12;
  // sqrt of the circular Laplacian: forward differences that wrap.
  const at::Tensor basis = at::eye(size * size, at::kDouble).view({size * size, 1, size, size});
  const at::Tensor circular =
      at::cat({(basis.roll({-1}, {2}) - basis).flatten(1), (basis.roll({-1}, {3}) - basis).flatten(1)}, 1).t();
  for (const std::string name : {"blur", "fourier", "denoising"}) {
    const LinearOperatorPtr op = name == "denoising" ? make_identity(grey(size)) : task(name, size);
    const Problem problem = problem_of(op, phantom(size), {0.05});
    Wiener solver;
    solver.weight = 0.03;
    EXPECT_LT(largest(solve(solver, problem).x - dense_tikhonov(*op, problem.y, circular, 0.03)), 1e-10) << name;
    solver.spectrum = test::word("flat");
    const at::Tensor identity = at::eye(size * size, at::kDouble);
    EXPECT_LT(largest(solve(solver, problem).x - dense_tikhonov(*op, problem.y, identity, 0.03)), 1e-10) << name;
  }
}

TEST(Wiener, RefusesOperatorsItHasNoFilterFor) {
  const auto message = [](const Wiener& solver, const LinearOperatorPtr& op) {
    try {
      solve(solver, problem_of(op, phantom(16), {0.05}));
      return std::string();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return std::string(error.what());
    }
  };
  Wiener solver;
  EXPECT_NE(message(solver, task("inpainting", 16)).find("spectrum: flat"), std::string::npos);
  EXPECT_NE(message(solver, task("super_resolution", 16)).find("tikhonov_cg"), std::string::npos);
  const at::Tensor kernel = at::ones({3, 3}, at::kDouble) / 9;
  EXPECT_NE(message(solver, make_blur(grey(16), kernel, Boundary::reflect, "box")).find("spectral"), std::string::npos);
  solver.spectrum = test::word("flat");
  EXPECT_EQ(message(solver, task("super_resolution", 16)), "");
}

std::vector<std::unique_ptr<Solver>> regularised(const std::string& task_name) {
  std::vector<std::unique_ptr<Solver>> solvers;
  solvers.push_back(std::make_unique<TikhonovCg>());
  solvers.push_back(std::make_unique<TvPdhg>());
  solvers.push_back(std::make_unique<TvAdmm>());
  solvers.push_back(std::make_unique<TgvPdhg>());
  solvers.push_back(std::make_unique<WaveletFista>());
  if (task_name == "blur" || task_name == "fourier") {
    solvers.push_back(std::make_unique<Wiener>());
    solvers.push_back(std::make_unique<Lsqr>());  // where nothing was measured it is no better than the adjoint
  }
  return solvers;
}

TEST(Classical, DiscrepancyReachesChiSquaredOneAndBeatsTheAdjoint) {
  for (const std::string& name : kTasks) {
    const LinearOperatorPtr op = task(name, 32);
    const at::Tensor truth = phantom(32);
    const Problem problem = problem_of(op, truth, {0.05});
    const double adjoint_error = mean_square(solve(Adjoint(), problem).x - truth);
    for (const auto& solver : regularised(name)) {
      const Report report = solve(*solver, problem);
      EXPECT_GT(report.chi2[0], 0.97) << name;
      EXPECT_LT(report.chi2[0], 1.03) << name;
      EXPECT_EQ(report.outcomes[0], Outcome::converged) << name;
      if (!report.weight.empty()) {  // lsqr has none
        EXPECT_GT(report.weight[0], 0) << name;
      }
      EXPECT_LT(mean_square(report.x - truth), adjoint_error) << name;
    }
  }
}

TEST(Classical, AnEntryDoesNotDependOnItsBatch) {
  for (const std::string name : {"blur", "inpainting"}) {
    const LinearOperatorPtr op = task(name, 24);
    const at::Tensor truth = at::cat({phantom(24), 0.3 * phantom(24).flip({2}), phantom(24).flip({3})});
    const Problem all = problem_of(op, truth, {0.05, 0.01, 0.2});
    for (const auto& solver : regularised(name)) {
      const Report together = solve(*solver, all);
      for (std::int64_t i = 0; i < 3; ++i) {
        const auto entry = static_cast<std::size_t>(i);
        const Problem one{.op = op,
                          .y = all.y.slice(0, i, i + 1),
                          .noise_std = {all.noise_std[entry]},
                          .keys = {all.keys[entry]},
                          .image = all.image};
        const Report alone = solve(*solver, one);
        // Batched and single FFTs and sums may round differently, and the search follows its own trail of rounding.
        EXPECT_LT(largest(together.x[i] - alone.x[0]), 1e-9) << name << " entry " << i;
        if (!alone.weight.empty()) {
          EXPECT_NEAR(together.weight[entry] / alone.weight[0], 1, 1e-9) << name << " entry " << i;
        }
      }
    }
  }
}

TEST(Classical, NoiseFreeDataAreReproduced) {
  for (const std::string& name : kTasks) {
    const LinearOperatorPtr op = task(name, 16);
    const Problem problem = problem_of(op, phantom(16), {0.0});
    for (const auto& solver : regularised(name)) {
      const at::Tensor misfit = op->apply(solve(*solver, problem).x) - problem.y;
      EXPECT_LT(mean_square(misfit), 1.5e-5 * mean_square(problem.y)) << name << " " << typeid(*solver).name();
    }
  }
}

TEST(TvPdhg, EqualsScikitImage) {
  std::ifstream file(test::source_path("tests/golden/classical/tv.json"));
  const nlohmann::json golden = nlohmann::json::parse(file);
  const std::int64_t height = golden["shape"][0], width = golden["shape"][1];
  const auto image = [&](const char* key) {
    return at::tensor(golden[key].get<std::vector<double>>(), at::kDouble).view({1, 1, height, width});
  };
  const LinearOperatorPtr op = make_identity({{1, height, width}, ScalarKind::real});
  TvPdhg solver;
  solver.weight = golden["weight"].get<double>();
  solver.tolerance = 1e-9;
  solver.max_iterations = 20000;
  const Problem problem{.op = op, .y = image("noisy"), .noise_std = {0.15}, .keys = {{0, 0}}, .image = op->domain()};
  const Report report = solve(solver, problem);
  EXPECT_LT(largest(report.x - image("denoised")), 1e-5);  // the golden stops where it changes by 1e-15 of its energy
  // The same image solves the constrained problem whose radius is its residual; the weight is found again.
  TvPdhg constrained;
  constrained.tolerance = 1e-9;
  constrained.max_iterations = 20000;
  Problem with_radius = problem;
  with_radius.noise_std = {std::sqrt(mean_square(report.x - problem.y))};
  const Report again = solve(constrained, with_radius);
  EXPECT_LT(largest(again.x - report.x), 1e-5);
  EXPECT_NEAR(again.weight[0] / *solver.weight, 1, 1e-4);
}

// A step of two plateaus, each `width` pixels wide, has a closed form: TV moves each by weight / width to the other.
TEST(TvPdhg, MovesPlateausByTheClosedForm) {
  const std::int64_t height = 6, width = 8;
  at::Tensor step = at::full({1, 1, height, 2 * width}, -0.5, at::kDouble);
  step.narrow(3, width, width).fill_(0.7);
  const LinearOperatorPtr op = make_identity({{1, height, 2 * width}, ScalarKind::real});
  const double noise_std = 0.04;
  const Problem problem{.op = op, .y = step, .noise_std = {noise_std}, .keys = {{0, 0}}, .image = op->domain()};
  for (const std::string variant : {"isotropic", "anisotropic"}) {
    TvPdhg solver;
    solver.variant = test::word(variant);
    solver.tolerance = 1e-10;
    solver.max_iterations = 20000;
    const auto moved = [&](double shift) { return step - shift * at::sign(step); };
    solver.weight = 0.8;
    EXPECT_LT(largest(solve(solver, problem).x - moved(0.8 / width)), 1e-6) << variant;
    solver.weight.reset();  // chi² = 1 moves every pixel by the noise's standard deviation
    const Report report = solve(solver, problem);
    EXPECT_LT(largest(report.x - moved(noise_std)), 1e-6) << variant;
    EXPECT_NEAR(report.weight[0], noise_std * width, 1e-4) << variant;
  }
}

// A diagonal edge is longer for the sum of both differences than for the gradient's length.
TEST(TvPdhg, VariantsMinimiseTheirOwnTotalVariation) {
  const LinearOperatorPtr op = make_identity(grey(16));
  const Problem problem = problem_of(op, phantom(16), {0.1});
  const auto objective = [&](const at::Tensor& x, const std::string& variant) {
    const ImageGradient g = image_gradient(x);
    const at::Tensor tv =
        variant == "isotropic" ? at::hypot(g.vertical, g.horizontal) : g.vertical.abs() + g.horizontal.abs();
    return 0.5 * squared_norms(x - problem.y).item<double>() + 0.1 * tv.sum().item<double>();
  };
  std::vector<at::Tensor> x;
  for (const std::string variant : {"isotropic", "anisotropic"}) {
    TvPdhg solver;
    solver.weight = 0.1;
    solver.variant = test::word(variant);
    solver.tolerance = 1e-7;
    solver.max_iterations = 5000;
    x.push_back(solve(solver, problem).x);
    const double best = objective(x.back(), variant);
    for (const char* direction : {"d1", "d2", "d3"}) {
      EXPECT_GT(objective(x.back() + 1e-2 * normal(direction, grey(16)), variant), best);
    }
  }
  EXPECT_LT(objective(x[0], "isotropic"), objective(x[1], "isotropic"));
  EXPECT_LT(objective(x[1], "anisotropic"), objective(x[0], "anisotropic"));
}

// The penalised problem falls apart into its channels, whose step lengths differ when they are solved alone.
TEST(TvPdhg, ChannelsAreSeparateInThePenalisedProblem) {
  const LinearOperatorPtr rgb = make_identity({{3, 12, 12}, ScalarKind::real}), one = make_identity(grey(12));
  const at::Tensor truth =
      phantom(12).expand({1, 3, 12, 12}) * at::tensor({1.0, 0.2, -0.7}, at::kDouble).view({1, 3, 1, 1});
  const Problem all = problem_of(rgb, truth, {0.1});
  TvPdhg solver;
  solver.weight = 0.1;
  solver.tolerance = 1e-9;
  solver.max_iterations = 20000;
  const at::Tensor together = solve(solver, all).x;
  for (std::int64_t c = 0; c < 3; ++c) {
    const Problem alone{
        .op = one, .y = all.y.slice(1, c, c + 1), .noise_std = {0.1}, .keys = all.keys, .image = one->domain()};
    EXPECT_LT(largest(together.slice(1, c, c + 1) - solve(solver, alone).x), 1e-6) << c;
  }
}

TEST(TvPdhg, BoundsAndFieldsAreHonoured) {
  const LinearOperatorPtr op = task("inpainting", 16);
  const Problem problem = problem_of(op, phantom(16), {0.05});
  TvPdhg solver;
  solver.low = -0.5;
  solver.high = 0.2;
  const at::Tensor x = solve(solver, problem).x;
  EXPECT_EQ(x.min().item<double>(), -0.5);
  EXPECT_EQ(x.max().item<double>(), 0.2);
  solver.low = 0.3;
  EXPECT_THROW(solve(solver, problem), Error);
  // A complex image is treated as its two parts; a real one in it stays real.
  const TensorSpec complex_image{{1, 16, 16}, ScalarKind::complex};
  const LinearOperatorPtr fourier = make_fourier(complex_image, at::ones({16, 16}), "full");
  const at::Tensor truth = phantom(16).to(at::kComplexDouble);
  const Problem in_k_space = problem_of(fourier, truth, {0.05});
  const Report report = solve(TvPdhg(), in_k_space);
  EXPECT_NEAR(report.chi2[0], 1, 0.03);
  EXPECT_LT(mean_square(report.x - truth), mean_square(solve(Adjoint(), in_k_space).x - truth));
  solver = TvPdhg();
  solver.low = 0;
  EXPECT_THROW(solve(solver, in_k_space), Error);
}

}  // namespace
}  // namespace recon
