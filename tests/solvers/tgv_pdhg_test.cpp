#include "recon/solvers/classical/tgv_pdhg.h"

#include <gtest/gtest.h>

#include "operators/identity.h"
#include "recon/solvers/classical/symmetrised_gradient.h"
#include "recon/solvers/classical/tv_pdhg.h"
#include "tests/solvers/classical_problems.h"

namespace recon::test {
namespace {

TgvPdhg accurate(double weight) {
  TgvPdhg solver;
  solver.weight = weight;
  solver.tolerance = 1e-9;
  solver.max_iterations = 10000;
  return solver;
}

/// Images 1, v and h, [3, 1, height, width].
at::Tensor affine_basis(std::int64_t height, std::int64_t width) {
  const at::Tensor v = at::linspace(-1, 1, height, at::kDouble).view({1, 1, height, 1}).expand({1, 1, height, width});
  const at::Tensor h = at::linspace(-1, 1, width, at::kDouble).view({1, 1, 1, width}).expand({1, 1, height, width});
  return at::cat({at::ones_like(v), v, h});
}

TEST(SymmetrisedGradient, AdjointNormAndKernelHold) {
  const TensorSpec image{{2, 6, 9}, ScalarKind::real};
  const ImageGradient w = image_gradient(normal("x", image)), u = image_gradient(normal("u", image));
  const ImageGradient field{w.vertical + u.vertical, w.horizontal - u.horizontal};  // no gradient any more
  const SymmetrisedGradient e = symmetrised_gradient(field);
  const SymmetrisedGradient r{normal("r1", image), normal("r2", image), normal("r3", image)};
  const ImageGradient back = symmetrised_gradient_adjoint(r);
  // r beyond the grid's differences must not count: it meets the zeros of E w.
  const double forward = real_inner(e.vertical, r.vertical).item<double>() +
                         real_inner(e.horizontal, r.horizontal).item<double>() +
                         real_inner(e.mixed, r.mixed).item<double>();
  const double backward = real_inner(field.vertical, back.vertical).item<double>() +
                          real_inner(field.horizontal, back.horizontal).item<double>();
  EXPECT_NEAR(forward, backward, 1000 * kEpsilon);
  const SymmetrisedGradient zero = symmetrised_gradient(image_gradient(affine_basis(6, 9)));
  for (const at::Tensor& part : {zero.vertical, zero.horizontal, zero.mixed}) EXPECT_LT(largest(part), 10 * kEpsilon);
  const double energy = squared_norms(e.vertical).item<double>() + squared_norms(e.horizontal).item<double>() +
                        squared_norms(e.mixed).item<double>();
  const double size = squared_norms(field.vertical).item<double>() + squared_norms(field.horizontal).item<double>();
  EXPECT_LT(energy, 8 * size);
}

// The largest singular value of (D, -I; 0, E), which the steps need a bound of.
TEST(TgvPdhg, TheBoundOfTheDerivativesHolds) {
  const TensorSpec image = grey(16);
  at::Tensor x = normal("x", image);
  ImageGradient w = image_gradient(normal("w", image));
  double norm = 0;
  for (int i = 0; i < 200; ++i) {
    const ImageGradient g = image_gradient(x);
    const ImageGradient q{g.vertical - w.vertical, g.horizontal - w.horizontal};
    const ImageGradient gradient = symmetrised_gradient_adjoint(symmetrised_gradient(w));
    x = image_gradient_adjoint(q);
    w = {gradient.vertical - q.vertical, gradient.horizontal - q.horizontal};
    norm = std::sqrt((squared_norms(x) + squared_norms(w.vertical) + squared_norms(w.horizontal)).item<double>());
    x = x / norm;
    w = {w.vertical / norm, w.horizontal / norm};
  }
  EXPECT_LT(norm, 12);
  EXPECT_GT(norm, 8);
}

// The kernel of TGV is the affine images, so a large weight leaves the data's regression on them.
TEST(TgvPdhg, ALargeWeightIsAffineRegression) {
  for (const auto& [height, width] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 12}, {8, 6}}) {
    const LinearOperatorPtr op = make_identity({{1, height, width}, ScalarKind::real});
    const at::Tensor basis = affine_basis(height, width);
    const at::Tensor y = 0.4 * basis.narrow(0, 0, 1) - 0.8 * basis.narrow(0, 2, 1) + 0.05 * normal("n", op->domain());
    const Problem problem{.op = op, .y = y, .noise_std = {0.05}, .keys = {{0, 0}}, .image = op->domain()};
    const at::Tensor columns = basis.flatten(1).t(),
                     used = height > 1 ? columns : columns.index_select(1, at::tensor({0, 2}));
    const at::Tensor fit = at::matmul(used, at::matmul(at::linalg_pinv(used), y.flatten(1).t())).view_as(y);
    EXPECT_LT(largest(solve(accurate(2), problem).x - fit), 1e-5) << height;
    EXPECT_GT(largest(solve(accurate(0.02), problem).x - fit), 1e-2) << "the weight must matter";
  }
}

// Of a noise-free signal with a kink of slope both sides stay straight, where TV flattens the end.
TEST(TgvPdhg, RecoversAPiecewiseAffineSignal) {
  const std::int64_t n = 41;
  const at::Tensor t = at::linspace(-1, 1, n, at::kDouble);
  const at::Tensor y = (at::minimum(1.5 * (t + 1), 1 - 0.5 * t)).view({1, 1, 1, n});
  const LinearOperatorPtr op = make_identity({{1, 1, n}, ScalarKind::real});
  const Problem problem{.op = op, .y = y, .noise_std = {0.0}, .keys = {{0, 0}}, .image = op->domain()};
  const at::Tensor x = solve(accurate(0.05), problem).x;
  const at::Tensor second = x.diff(1, -1).diff(1, -1).flatten().abs();
  const std::int64_t kink = second.argmax().item<std::int64_t>();
  const at::Tensor away = at::cat({second.narrow(0, 0, kink - 2), second.narrow(0, kink + 3, n - 2 - kink - 3)});
  EXPECT_LT(largest(away), 1e-4);  // against a kink of 0.1: 10000 iterations end within 1e-4 of it
  EXPECT_NEAR(static_cast<double>(kink), 15 - 1,
              1);  // the lines meet at t = -0.25, pixel 15; second differences begin at 1
  TvPdhg tv;
  tv.weight = 0.05;
  tv.tolerance = 1e-9;
  tv.max_iterations = 10000;
  const at::Tensor flat = solve(tv, problem).x.diff(1, -1).flatten();
  EXPECT_LT(largest(flat.narrow(0, n - 2, 1)),
            1e-5);  // total variation ends in a plateau of 2 pixels (0.05 = 2² / 2 times 0.025)
  EXPECT_LT(mean_square(x - y), 0.3 * mean_square(solve(tv, problem).x - y));
}

// TGV <= TV, and the penalised objective of its own minimiser is the smaller one.
TEST(TgvPdhg, BeatsTotalVariationOnARamp) {
  const LinearOperatorPtr op = task("inpainting", 32);
  const at::Tensor basis = affine_basis(32, 32);
  const at::Tensor truth = 0.5 * basis.narrow(0, 1, 1) + 0.3 * basis.narrow(0, 2, 1).abs();
  const Problem problem = problem_of(op, truth, {0.1});
  const Report tgv = solve(TgvPdhg(), problem), tv = solve(TvPdhg(), problem);
  EXPECT_NEAR(tgv.chi2[0], 1, 0.02);
  EXPECT_LT(mean_square(tgv.x - truth), 0.5 * mean_square(tv.x - truth));
}

}  // namespace
}  // namespace recon::test
