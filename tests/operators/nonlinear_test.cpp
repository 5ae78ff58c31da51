// What the laws cannot know of the non-linear kinds: that the formula is the one meant.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/algebra.h"
#include "operators/nonlinear/fourier_magnitude.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

constexpr double kRounding = 8 * 0x1p-52 * 32;  // 8 eps sqrt(n) for n = 1024

at::Tensor image_of(std::int64_t size) {
  return Rng(3, "nonlinear_test").normal({{0, 0}}, 0, {{1, size, size}, ScalarKind::real}, at::kDouble);
}

at::Tensor row(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble).reshape({1, 1, 1, static_cast<std::int64_t>(values.size())});
}

// A sum over pixels, written out; and Parseval: the unitary transform keeps the energy.
TEST(FourierMagnitude, IsTheModulusOfThePaddedTransform) {
  const at::Tensor x = image_of(4);
  const at::Tensor y = make_fourier_magnitude({{1, 4, 4}, ScalarKind::real}, 2)->apply(x);
  ASSERT_EQ(y.sizes(), at::IntArrayRef({1, 1, 8, 8}));
  double re = 0, im = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 4; ++j) {
      const double phase = -2 * M_PI * static_cast<double>(1 * i + 3 * j) / 8;
      re += x[0][0][i][j].item<double>() * std::cos(phase);
      im += x[0][0][i][j].item<double>() * std::sin(phase);
    }
  }
  EXPECT_NEAR((y[0][0][4 + 1][4 + 3].item<double>()), std::hypot(re, im) / 8, kRounding);
  EXPECT_NEAR(y.square().sum().item<double>(), x.square().sum().item<double>(), 16 * kRounding);
}

TEST(FourierMagnitude, DoesNotSeeAHalfTurn) {
  const auto op = make_fourier_magnitude({{1, 16, 16}, ScalarKind::real}, 2);
  const at::Tensor x = image_of(16);
  EXPECT_LT((op->apply(x) - op->apply(at::flip(x, {2, 3}))).abs().max().item<double>(), kRounding);
  EXPECT_GT((op->apply(x) - op->apply(at::flip(x, {3}))).abs().max().item<double>(), 0.1);
}

// The four parts of its form, in other units of the image too.
TEST(FourierMagnitude, SaysHowItsMagnitudesComeAbout) {
  const auto plain = make_fourier_magnitude({{1, 12, 16}, ScalarKind::real}, 1.5);
  for (const OperatorPtr& op : {plain, with_affine_input(plain, 0.5, -2)}) {
    const at::Tensor x = Rng(4, "form").normal({{0, 0}}, 0, op->domain(), at::kDouble);
    const auto form = op->magnitude();
    ASSERT_TRUE(form.has_value());
    const at::Tensor u = form->embed(x);
    EXPECT_LT((form->transform(u).abs() - op->apply(x)).abs().max().item<double>(), kRounding);
    EXPECT_LT((form->inverse(form->transform(u)) - u).abs().max().item<double>(), kRounding);
    EXPECT_LT((form->extract(u) - x).abs().max().item<double>(), kRounding);
  }
  EXPECT_FALSE(build_operator(R"({"type": "clipping"})", {{1, 4, 4}, ScalarKind::real})->magnitude().has_value());
}

TEST(FourierMagnitude, HasAZeroDerivativeAtItsKink) {
  const auto op = make_fourier_magnitude({{1, 4, 4}, ScalarKind::real}, 1);
  const at::Tensor zero = at::zeros({1, 1, 4, 4}, at::kDouble);
  EXPECT_TRUE(at::equal(op->vjp(zero, at::ones_like(zero)), zero));
}

TEST(Clipping, IsExactAndItsRoundedFormComesNearIt) {
  const TensorSpec image{{1, 1, 4}, ScalarKind::real};
  const at::Tensor x = row({-0.3, 0.2, 0.45, 0.9});
  const auto exact = build_operator(R"({"type": "clipping", "gain": 2})", image);
  EXPECT_TRUE(at::allclose(exact->apply(x), row({0, 0.4, 0.9, 1})));
  EXPECT_TRUE(at::equal(exact->vjp(x, at::ones_like(x)), row({0, 2, 2, 0})));
  const auto soft = build_operator(R"({"type": "clipping", "gain": 2, "softness": 0.05})", image);
  EXPECT_LT((soft->apply(x) - exact->apply(x)).abs().max().item<double>(), 0.05 * std::log(2.0));
  EXPECT_GT(soft->vjp(x, at::ones_like(x)).min().item<double>(), 0);
  EXPECT_THROW(build_operator(R"({"type": "clipping", "low": 1, "high": 0})", image), Error);
}

TEST(Quantisation, RoundsToLevelsAndSaturates) {
  const TensorSpec image{{1, 1, 6}, ScalarKind::real};
  const auto op = build_operator(R"({"type": "quantisation", "bits": 2, "low": 0, "high": 3, "dither": 0.02})", image);
  const at::Tensor x = row({-5, 0.4, 0.6, 1.5, 2.4, 9});
  EXPECT_LT((op->apply(x) - row({0, 0, 1, 1.5, 2, 3})).abs().max().item<double>(), 1e-6);  // Phi(-5) = 3e-7
}

// The claims of the header: with dither the mean reading is the value itself, and the derivative is useful.
TEST(Quantisation, DitherMakesTheMeanReadingLinear) {
  const TensorSpec image{{1, 1, 101}, ScalarKind::real};
  const at::Tensor x = at::linspace(2, 5, 101, at::kDouble).reshape({1, 1, 1, 101});
  const auto half = build_operator(R"({"type": "quantisation", "low": 0, "high": 7, "dither": 0.5})", image);
  EXPECT_LT((half->apply(x) - x).abs().max().item<double>(), 0.01);
  const auto less = build_operator(R"({"type": "quantisation", "low": 0, "high": 7, "dither": 0.3})", image);
  const at::Tensor slope = less->vjp(x, at::ones_like(x));
  EXPECT_GT(slope.min().item<double>(), 0.6);
  EXPECT_LT(slope.max().item<double>(), 1.4);
}

}  // namespace
}  // namespace recon
