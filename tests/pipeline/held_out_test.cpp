// The two parts of an item are independent given the image, each with the noise that it claims, and none is lost.
#include "recon/pipeline/items/held_out.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/noise.h"
#include "recon/core/error.h"
#include "recon/pipeline/solve/uncertainty.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

const TensorSpec image{{1, 64, 64}, ScalarKind::real};

at::Tensor normal(std::uint32_t step, const TensorSpec& spec) {
  return Rng(4, "held out test").normal({{0, 0}}, step, spec, at::kFloat);
}

PreparedItem item_of(const std::string& op, const at::Tensor& x, const Noise& noise) {
  PreparedItem item;
  item.id = "a";
  item.op = build_operator(op, image);
  item.y = with_noise(noise, item.op->apply(x), Rng(5, "held out test"), {{1, 0}}, item.op->support());
  item.noise = item_noise(noise, 0, item.y, item.op->support());
  item.range = {0, 1};
  return item;
}

double mean_of(const at::Tensor& values) { return values.mean(at::kDouble).item<double>(); }

/// Mean product of the two parts' noise over their standard deviations, and the mean squares.
struct Noises {
  double seen = 0, held = 0, correlation = 0;
};
Noises noises_of(const PreparedItem& item, const at::Tensor& x) {
  const at::Tensor clean = item.op->apply(x);
  const at::Tensor seen = (item.y - clean) / item.noise.variance.sqrt();
  const at::Tensor held = (item.held_out->y - item.held_out->op->apply(x)) / item.held_out->variance.sqrt();
  return {.seen = mean_of(seen.square()), .held = mean_of(held.square()), .correlation = mean_of(seen * held)};
}

TEST(HeldOut, FissionGivesIndependentNoiseOfTheStatedLevels) {
  const at::Tensor x = 0.5 + 0.2 * normal(0, image);
  const PreparedItem whole =
      item_of(R"({"type": "blur", "std_px": 1})", x, {.type = NoiseType::gaussian, .std = {0.1}});
  for (const double share : {0.2, 0.5}) {
    const PreparedItem parted = hold_out(whole, share);
    EXPECT_NEAR(parted.noise.std, 0.1 / std::sqrt(1 - share), 1e-6);
    const Noises noises = noises_of(parted, x);
    // 4096 numbers: mean squares have an error of .022, the correlation of .016.
    EXPECT_NEAR(noises.seen, 1, 0.1) << share;
    EXPECT_NEAR(noises.held, 1, 0.1) << share;
    EXPECT_NEAR(noises.correlation, 0, 0.07) << share;
    // Together they are the data: the weights are those of their variances.
    const at::Tensor both = (1 - share) * parted.y + share * parted.held_out->y;
    EXPECT_LT((both - whole.y).abs().max().item<double>(), 1e-5);
    EXPECT_TRUE(at::equal(hold_out(whole, share).y, parted.y)) << "the same parting for everyone";
  }
}

TEST(HeldOut, PhotonsGoToOneHalfOrTheOther) {
  const at::Tensor x = 0.5 + 0.1 * normal(0, image);
  const PreparedItem whole =
      item_of(R"({"type": "identity"})", x.clamp_min(0.05), {.type = NoiseType::poisson, .peak = 50});
  const PreparedItem parted = hold_out(whole, 0.2);
  const at::Tensor together = (parted.y + parted.held_out->y) / 2;
  EXPECT_LT((together - whole.y).abs().max().item<double>(), 1e-5);
  EXPECT_EQ(parted.noise.photons.peak, 25);
  EXPECT_NEAR(noises_of(parted, x.clamp_min(0.05)).correlation, 0, 0.07);
  PreparedItem read = whole;
  read.noise.photons.type = NoiseType::poisson_gaussian;
  EXPECT_THROW(hold_out(read, 0.2), Error);
}

TEST(HeldOut, MasksLoseEntriesOrWholeLines) {
  const at::Tensor x = 0.5 + 0.2 * normal(0, image);
  const Noise noise{.type = NoiseType::gaussian, .std = {0.1}};
  const auto shares_of = [&](const PreparedItem& whole) {
    const PreparedItem parted = hold_out(whole, 0.25);
    const at::Tensor seen = parted.op->support() != 0, held = parted.held_out->op->support() != 0;
    const at::Tensor all = whole.op->support().expand(whole.op->range().shape) != 0;
    EXPECT_FALSE(seen.logical_and(held).any().item<bool>());
    EXPECT_TRUE(at::equal(seen.logical_or(held), all));
    EXPECT_TRUE(at::equal(parted.y + parted.held_out->y, whole.y));
    EXPECT_NEAR(mean_of(held.to(at::kDouble)) / mean_of(all.to(at::kDouble)), 0.25, 0.03);
    return held;
  };
  shares_of(item_of(R"({"type": "inpainting", "missing_fraction": 0.6})", x, noise));
  const at::Tensor lines = shares_of(item_of(R"({"type": "fourier", "acceleration": 3})", x, noise));
  const at::Tensor columns = lines[0].any(0), rows = lines[0].any(1);
  const bool whole_columns = at::equal(columns.unsqueeze(0).expand_as(lines[0]), lines[0]);
  const bool whole_rows = at::equal(rows.unsqueeze(1).expand_as(lines[0]), lines[0]);
  EXPECT_TRUE(whole_columns || whole_rows);
}

TEST(HeldOut, TheRightImageScoresBestAndDataWithoutNoiseLevelAreRefused) {
  const at::Tensor x = 0.5 + 0.2 * normal(0, image);
  const Noise noise{.type = NoiseType::gaussian, .std = {0.05}};
  const PreparedItem parted = hold_out(item_of(R"({"type": "inpainting", "missing_fraction": 0.5})", x, noise), 0.2);
  const SamplePairs one(1);
  const double right = held_out_score(x, one, parted)->log_score;
  EXPECT_NEAR(held_out_score(x, one, parted)->chi2, 1, 0.3);
  EXPECT_GT(right, held_out_score(x + 0.05, one, parted)->log_score);
  EXPECT_GT(right, held_out_score(x + 0.05 * normal(3, image), one, parted)->log_score);
  EXPECT_FALSE(held_out_score(x, one, item_of(R"({"type": "identity"})", x, noise)).has_value());
  EXPECT_THROW(hold_out(item_of(R"({"type": "identity"})", x, {}), 0.2), Error);
}

}  // namespace
}  // namespace recon
