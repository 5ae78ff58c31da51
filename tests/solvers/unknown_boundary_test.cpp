// A photograph is a window of a larger scene: what it costs to take its border for a mirror, and what `unknown` gives.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "operators/algebra.h"
#include "operators/blur/blur.h"
#include "operators/blur/varying_blur.h"
#include "operators/inpainting/inpainting.h"
#include "recon/core/rng.h"
#include "recon/solvers/classical/tikhonov_cg.h"
#include "tests/solvers/classical_problems.h"

namespace recon::test {
namespace {

constexpr std::int64_t scene_side = 72, kernel_side = 15, window_side = scene_side - kernel_side + 1;

/// Texture whose amplitudes fall as 1 / frequency, as those of photographs do.
at::Tensor textured_scene() {
  const at::Tensor noise =
      Rng(4, "scene").normal({StreamKey{}}, 0, {{1, scene_side, scene_side}, ScalarKind::real}, at::kDouble);
  const at::Tensor f = at::fft_fftfreq(scene_side, 1.0, at::kDouble);
  const at::Tensor amplitude = 1 / (0.02 + (f.unsqueeze(1).square() + f.square()).sqrt());
  const at::Tensor texture = at::real(at::fft_ifft2(at::fft_fft2(noise) * amplitude));
  return 0.5 + 0.15 * texture / texture.std();
}

/// Straight motion along the diagonal.
at::Tensor diagonal_kernel() { return at::eye(kernel_side, at::kDouble) / kernel_side; }

/// PSNR within the window of the best of many weights.
double best_psnr(const LinearOperatorPtr& op, const at::Tensor& y, const at::Tensor& truth) {
  double best = 0;
  for (double weight = 1e-5; weight < 20; weight *= 3) {
    TikhonovCg solver;
    solver.weight = weight;
    const Problem problem{.op = op, .y = y, .noise_std = {0.003}, .keys = {{0, 0}}, .image = op->domain()};
    at::Tensor x = solve(solver, problem).x;
    const std::int64_t margin = (x.size(-1) - window_side) / 2;
    x = x.narrow(-2, margin, window_side).narrow(-1, margin, window_side);
    best = std::max(best, -10 * std::log10((x - truth).square().mean().item<double>()));
  }
  return best;
}

TEST(UnknownBoundary, IsWorthTwoDecibelsOverAMirrorOnARealBorder) {
  const at::Tensor scene = textured_scene();
  const auto whole =
      make_blur({{1, scene_side, scene_side}, ScalarKind::real}, diagonal_kernel(), Boundary::unknown, "motion");
  ASSERT_EQ(whole->range().shape, (Shape{1, window_side, window_side}));
  const at::Tensor y =
      whole->apply(scene) + 0.003 * Rng(5, "noise").normal({StreamKey{}}, 0, whole->range(), at::kDouble);
  const std::int64_t margin = kernel_side / 2;
  const at::Tensor truth = scene.narrow(-2, margin, window_side).narrow(-1, margin, window_side);
  const auto mirrored = make_blur(whole->range(), diagonal_kernel(), Boundary::reflect, "motion");
  const double unknown = best_psnr(whole, y, truth), reflect = best_psnr(mirrored, y, truth);
  EXPECT_GT(unknown, reflect + 2) << unknown << " dB against " << reflect;
}

// The window of random blurs, composed with masks and scaled: the pixels of the image whose data are measured, found by
// where a point has its own weight in the data.
TEST(UnknownBoundary, WindowIsWhereTheDataAreInTwoHundredRandomCases) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    const at::Tensor u = Rng(6, "windows").uniform({{i, 0}}, 0, {{4}, ScalarKind::real})[0];
    const auto draw = [&](std::int64_t k, std::int64_t n) {
      return 1 + static_cast<std::int64_t>(u[k].item<double>() * static_cast<double>(n));
    };
    const std::int64_t height = draw(0, 5), width = draw(1, 5);
    const TensorSpec image{{1, height + draw(2, 6), width + draw(3, 6)}, ScalarKind::real};
    const at::Tensor delta = at::zeros({height, width}, at::kDouble);  // moves nothing: y is the window itself
    delta[height / 2][width / 2] = 1.0;
    LinearOperatorPtr op = i % 2 == 0 ? make_blur(image, delta, Boundary::unknown, "delta")
                                      : make_varying_blur(image, delta.expand({1, 1, height, width}).contiguous(), true,
                                                          Boundary::unknown);
    if (i % 3 == 0)
      op = as_linear(compose(make_inpainting(op->range(), at::ones(op->range().shape), "all"), op), "test");
    if (i % 3 == 1) op = as_linear(scaled(op, 1.0), "test");
    ASSERT_TRUE(op->window()) << op->name();
    const at::Tensor x = at::arange(image.numel(), at::kDouble).view({1, 1, image.shape[1], image.shape[2]});
    EXPECT_LT(largest(op->apply(x) - in_window(x, *op)), 1e-9) << i << " " << op->name();
  }
}

}  // namespace
}  // namespace recon::test
