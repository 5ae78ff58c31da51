#include "recon/core/rng.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/philox.h"

namespace recon {
namespace {

// Known answers of the Random123 library (kat_vectors, philox4x32 10 rounds).
TEST(Philox, EqualsTheKnownAnswers) {
  const auto zero = philox::block({{0, 0, 0, 0}}, 0, 0);
  EXPECT_EQ(zero.word[0], 0x6627e8d5U);
  EXPECT_EQ(zero.word[1], 0xe169c58dU);
  EXPECT_EQ(zero.word[2], 0xbc57ac4cU);
  EXPECT_EQ(zero.word[3], 0x9b00dbd8U);
  const std::uint32_t f = 0xffffffffU;
  const auto ones = philox::block({{f, f, f, f}}, f, f);
  EXPECT_EQ(ones.word[0], 0x408f276dU);
  EXPECT_EQ(ones.word[1], 0x41c83b0eU);
  EXPECT_EQ(ones.word[2], 0xa20bc7c6U);
  EXPECT_EQ(ones.word[3], 0x6d5451fdU);
}

TEST(Rng, AnItemsDrawsDoNotDependOnItsBatch) {
  const Rng rng(7, "noise");
  const TensorSpec spec{{1, 5, 7}, ScalarKind::real};
  const at::Tensor batch = rng.normal({{1, 0}, {2, 0}, {2, 1}}, 3, spec, at::kFloat);
  EXPECT_TRUE(at::equal(batch[1], rng.normal({{2, 0}}, 3, spec, at::kFloat)[0]));
  EXPECT_FALSE(at::equal(batch[0], batch[1]));
  EXPECT_FALSE(at::equal(batch[1], batch[2]));
  EXPECT_FALSE(at::equal(batch[1], rng.normal({{2, 0}}, 4, spec, at::kFloat)[0]));
  EXPECT_FALSE(at::equal(batch[1], Rng(8, "noise").normal({{2, 0}}, 3, spec, at::kFloat)[0]));
  EXPECT_FALSE(at::equal(batch[1], Rng(7, "other").normal({{2, 0}}, 3, spec, at::kFloat)[0]));
}

TEST(Rng, NormalDrawsHaveTheMomentsOfTheNormalLaw) {
  const std::int64_t n = 400000;
  const at::Tensor x = Rng(1, "moments").normal({{0, 0}}, 0, {{n}, ScalarKind::real}, at::kDouble)[0];
  const double tolerance = 5.0 / std::sqrt(static_cast<double>(n));  // five standard errors of the mean
  EXPECT_NEAR(x.mean().item<double>(), 0.0, tolerance);
  EXPECT_NEAR((x * x).mean().item<double>(), 1.0, tolerance * std::sqrt(2.0));
  EXPECT_NEAR((x * x * x * x).mean().item<double>(), 3.0, tolerance * std::sqrt(96.0));
  EXPECT_NEAR((x.slice(0, 1) * x.slice(0, 0, n - 1)).mean().item<double>(), 0.0, tolerance);
}

TEST(Rng, MirroredKeysGiveTheOppositeDraw) {
  const Rng rng(1, "mirrored");
  const std::vector<StreamKey> keys = {{5, 2}, {.item = 5, .sample = 2, .mirrored = true}};
  for (const ScalarKind kind : {ScalarKind::real, ScalarKind::complex}) {
    const at::Tensor z = rng.normal(keys, 3, {{1, 7}, kind}, at::kFloat);
    EXPECT_TRUE(at::equal(z[0], -z[1]));
    EXPECT_FALSE(at::equal(z[0], z[1]));
  }
  const at::Tensor u = rng.uniform(keys, 3, {{50}, ScalarKind::real});
  EXPECT_TRUE(at::equal(u[0] + u[1], at::full({50}, 1 - 0x1.0p-53, at::kDouble)));
}

TEST(Rng, ComplexDrawsHaveUnitVariancePerPart) {
  const std::int64_t n = 200000;
  const at::Tensor z = Rng(1, "c").normal({{0, 0}}, 0, {{n}, ScalarKind::complex}, at::kFloat);
  ASSERT_TRUE(z.is_complex());
  const double tolerance = 5.0 * std::sqrt(2.0 / static_cast<double>(n));
  EXPECT_NEAR(at::real(z).square().mean().item<double>(), 1.0, tolerance);
  EXPECT_NEAR(at::imag(z).square().mean().item<double>(), 1.0, tolerance);
}

}  // namespace
}  // namespace recon
