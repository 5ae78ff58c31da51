#include "recon/solvers/classical/tv_admm.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "operators/identity.h"
#include "recon/core/error.h"
#include "recon/solvers/classical/tv_pdhg.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/paths.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

TvAdmm accurate(double weight, const std::string& variant) {
  TvAdmm solver;
  solver.weight = weight;
  solver.variant = word(variant);
  solver.tolerance = 1e-9;
  solver.max_iterations = 5000;
  return solver;
}

double total_variation(const at::Tensor& x, const std::string& variant) {
  const ImageGradient g = image_gradient(x);
  const at::Tensor tv =
      variant == "isotropic" ? at::hypot(g.vertical.abs(), g.horizontal.abs()) : g.vertical.abs() + g.horizontal.abs();
  return tv.sum().item<double>();
}

/// A lower bound of min 1/2 ||y - x||² + weight TV(x) by projected gradients on the dual (Chambolle 2004; with the
/// momentum of Beck & Teboulle 2009b): 1/2 ||y||² - 1/2 ||y - weight D^T q||² for any |q| <= 1.
double dual_bound(const at::Tensor& y, double weight, const std::string& variant) {
  ImageGradient q{at::zeros_like(y), at::zeros_like(y)}, last = q, ahead = q;
  double t = 1;
  for (int i = 0; i < 4000; ++i) {
    const ImageGradient g = image_gradient(y - weight * image_gradient_adjoint(ahead));
    q = {ahead.vertical + g.vertical / (8 * weight), ahead.horizontal + g.horizontal / (8 * weight)};
    const bool isotropic = variant == "isotropic";
    const at::Tensor both = at::hypot(q.vertical, q.horizontal).clamp_min(1);
    q.vertical = q.vertical / (isotropic ? both : q.vertical.abs().clamp_min(1));
    q.horizontal = q.horizontal / (isotropic ? both : q.horizontal.abs().clamp_min(1));
    const double next = (1 + std::sqrt(1 + 4 * t * t)) / 2, momentum = (t - 1) / next;
    ahead = {q.vertical + momentum * (q.vertical - last.vertical),
             q.horizontal + momentum * (q.horizontal - last.horizontal)};
    last = q;
    t = next;
  }
  return (squared_norms(y) - squared_norms(y - weight * image_gradient_adjoint(q))).item<double>() / 2;
}

// The objective is strongly convex, so the gap to any dual bound bounds the error: 1/2 ||x - x*||² <= gap.
TEST(TvAdmm, DenoisingClosesTheDualityGap) {
  const LinearOperatorPtr op = make_identity(grey(16));
  const Problem problem = problem_of(op, phantom(16), {0.1});
  for (const std::string variant : {"isotropic", "anisotropic"}) {
    const double bound = dual_bound(problem.y, 0.15, variant);
    const auto objective = [&](const at::Tensor& x) {
      return squared_norms(x - problem.y).item<double>() / 2 + 0.15 * total_variation(x, variant);
    };
    const at::Tensor x = solve(accurate(0.15, variant), problem).x;
    const double gap = objective(x) - bound;
    EXPECT_GT(gap, -1e-12) << variant;
    EXPECT_LT(gap, 1e-6 * bound) << variant;  // an error of at most sqrt(2e-6 bound) over the image
    EXPECT_GT(objective(x + 1e-2 * normal("off", grey(16))) - bound, 1e-4 * bound);
    // So the primal-dual method's minimiser, whose gap bounds it too, is within the sum of both radii.
    TvPdhg pdhg;
    pdhg.weight = 0.15;
    pdhg.variant = word(variant);
    pdhg.tolerance = 1e-9;
    pdhg.max_iterations = 20000;
    const at::Tensor other = solve(pdhg, problem).x;
    const double radius = std::sqrt(2 * std::max(gap, 0.0)) + std::sqrt(2 * std::max(objective(other) - bound, 0.0));
    EXPECT_LT(std::sqrt(squared_norms(x - other).item<double>()), radius + 1e-7) << variant;
  }
}

TEST(TvAdmm, EqualsScikitImage) {
  std::ifstream file(test::source_path("tests/golden/classical/tv.json"));
  const nlohmann::json golden = nlohmann::json::parse(file);
  const std::int64_t height = golden["shape"][0], width = golden["shape"][1];
  const auto image = [&](const char* key) {
    return at::tensor(golden[key].get<std::vector<double>>(), at::kDouble).view({1, 1, height, width});
  };
  const LinearOperatorPtr op = make_identity({{1, height, width}, ScalarKind::real});
  const Problem problem{.op = op, .y = image("noisy"), .noise_std = {0.15}, .keys = {{0, 0}}, .image = op->domain()};
  const Report report = solve(accurate(golden["weight"], "isotropic"), problem);
  EXPECT_EQ(report.outcomes[0], Outcome::finished);        // a given weight is not searched for
  EXPECT_LT(largest(report.x - image("denoised")), 1e-5);  // as for tv_pdhg
}

// With bounds, and on operators whose null space only TV decides: both methods end at the same objective, and, where
// that has a single minimiser to the eye of the data, at the same data.
TEST(TvAdmm, AgreesWithThePrimalDualMethod) {
  for (const std::string& name : kTasks) {
    for (const std::string variant : {"isotropic", "anisotropic"}) {
      const LinearOperatorPtr op = task(name, 16);
      const Problem problem = problem_of(op, phantom(16), {0.05});
      TvAdmm admm = accurate(0.02, variant);
      if (variant == "anisotropic" && (name == "inpainting" || name == "fourier")) continue;  // as the others
      admm.tolerance = 1e-6;
      admm.max_iterations = 2000;
      admm.low = -0.5;
      TvPdhg pdhg;
      pdhg.weight = 0.02;
      pdhg.variant = word(variant);
      pdhg.low = -0.5;
      pdhg.tolerance = 1e-8;
      pdhg.max_iterations = 4000;
      const auto objective = [&](const at::Tensor& x) {
        return squared_norms(op->apply(x) - problem.y).item<double>() / 2 + 0.02 * total_variation(x, variant);
      };
      const at::Tensor x = solve(admm, problem).x, other = solve(pdhg, problem).x;
      EXPECT_EQ(x.min().item<double>(), -0.5) << name;
      const double difference = std::abs(objective(x) - objective(other));
      EXPECT_LT(difference, 1e-5 * objective(other)) << name << variant;
      // Strong convexity in A x: 1/2 ||A(x - x')||² <= what either objective exceeds the minimum by.
      const double data = std::sqrt(squared_norms(op->apply(x - other)).item<double>());
      EXPECT_LT(data, 2 * std::sqrt(2e-5 * objective(other))) << name << variant;
    }
  }
}

TEST(TvAdmm, RefusesBoundsItCannotKeep) {
  TvAdmm solver;
  solver.low = 0.5;
  solver.high = 0.5;
  EXPECT_THROW(solve(solver, problem_of(task("blur", 16), phantom(16), {0.05})), Error);
  const LinearOperatorPtr op = make_fourier({{1, 16, 16}, ScalarKind::complex}, at::ones({16, 16}), "full");
  solver.high.reset();
  EXPECT_THROW(solve(solver, problem_of(op, phantom(16).to(at::kComplexDouble), {0.05})), Error);
  const Report report = solve(TvAdmm(), problem_of(op, phantom(16).to(at::kComplexDouble), {0.05}));
  EXPECT_NEAR(report.chi2[0], 1, 0.02);
}

}  // namespace
}  // namespace recon::test
