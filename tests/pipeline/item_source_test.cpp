// Items made ready one by one: which ones, with which noise, with which operator.
#include "recon/pipeline/items/item_source.h"

#include <ATen/ATen.h>

#include "recon/core/rng.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

class ItemSources : public ::testing::Test {
 protected:
  void SetUp() override {
    set_.header.image = {{1, 8, 8}, ScalarKind::real};
    set_.header.operator_config = "type: identity\n";
    set_.header.range = {0, 4};
    set_.header.noise = {.type = NoiseType::gaussian, .std = {0.5, 0.25, 1}, .peak = 0};
    set_.ids = {"left", "middle", "right"};
    set_.y = Rng(3, "y").normal({{0, 0}, {1, 0}, {2, 0}}, 0, {{1, 8, 8}, ScalarKind::real}, at::kDouble);
    set_.ground_truth = set_.y.to(at::kFloat);
    options_.check_noise_level = false;
  }
  ItemSource source() const { return ItemSource::of(set_, "m.h5", options_); }
  std::string complaint(ErrorKind kind, const std::function<void()>& work) const {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind);
      return error.what();
    }
    return "";
  }

  MeasurementSet set_;
  ItemOptions options_;
};

TEST_F(ItemSources, AreChosenByIdInTheOrderThatIsAskedFor) {
  const ItemSource items = source();
  EXPECT_EQ(items.indices({"all"}), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(items.indices({"right", "left"}), (std::vector<std::int64_t>{2, 0}));
  test::expect_says(complaint(ErrorKind::usage, [&] { items.indices({"up"}); }),
                    {"m.h5", "left, middle, right", "'up'"});
  test::expect_says(complaint(ErrorKind::data, [&] { items.indices({}); }), {"no item to reconstruct"});
}

TEST_F(ItemSources, HaveTheirOwnNoiseLevelInSinglePrecision) {
  ItemSource items = source();
  const PreparedItem item = items.prepare(1, c10::kCPU);
  EXPECT_EQ(item.id, "middle");
  EXPECT_EQ(item.y.scalar_type(), at::kFloat);
  EXPECT_EQ(item.y.sizes(), (at::IntArrayRef{1, 1, 8, 8}));
  EXPECT_EQ(item.noise.std, 0.25);
  EXPECT_FLOAT_EQ(item.noise.variance.item<float>(), 0.0625F);
  EXPECT_EQ(item.ground_truth.sizes(), (at::IntArrayRef{1, 1, 8, 8}));
  EXPECT_EQ(item.range.high, 4);
  EXPECT_EQ(item.op, items.prepare(2, c10::kCPU).op) << "built once";
}

TEST_F(ItemSources, TakeAnotherNoiseLevelFromTheConfig) {
  options_.noise_std = 0.125;
  EXPECT_EQ(source().prepare(2, c10::kCPU).noise.std, 0.125);
  options_.noise_std = 0;
  EXPECT_FALSE(source().prepare(2, c10::kCPU).noise.variance.defined()) << "noise-free";
  set_.header.noise = {.type = NoiseType::poisson, .std = {}, .peak = 50};
  options_.noise_std = 0.5;
  options_.location_of_noise_std = "run.yaml:4";
  test::expect_says(complaint(ErrorKind::usage, [&] { source(); }), {"run.yaml:4", "Poisson", "peak"});
}

TEST_F(ItemSources, WhitenPhotonCounts) {
  set_.header.noise = {.type = NoiseType::poisson, .std = {}, .peak = 50};
  set_.y = set_.y.abs() + 1;
  const PreparedItem item = source().prepare(0, c10::kCPU);
  EXPECT_TRUE(at::allclose(item.noise.variance, item.y / 50));
  EXPECT_TRUE(at::allclose(item.noise.weights * item.noise.variance.sqrt(), at::full_like(item.y, item.noise.std)))
      << "one level after weighing";
}

TEST_F(ItemSources, RefuseAnOperatorThatGivesSomethingElse) {
  set_.header.operator_config = "type: super_resolution\nfactor: 2\n";
  test::expect_says(complaint(ErrorKind::data, [&] { source().prepare(0, c10::kCPU); }),
                    {"m.h5:/measurements", "[1, 4, 4]", "[1, 8, 8]"});
}

TEST_F(ItemSources, OperatorsWithArraysOfTheirOwnAreBuiltForEach) {
  set_.header.operator_config = "type: inpainting\npattern: array\nmask: {dataset: mask}\n";
  at::Tensor masks = at::ones({3, 8, 8});
  masks[1].zero_()[0].fill_(1);
  set_.per_item_arrays["mask"] = masks;
  ItemSource items = source();
  EXPECT_EQ(items.prepare(0, c10::kCPU).op->measured_components(), 64);
  EXPECT_EQ(items.prepare(1, c10::kCPU).op->measured_components(), 8);
}

TEST_F(ItemSources, EstimateTheLevelFromTheDataWhenAsked) {
  set_.header.image.shape = {1, 64, 64};
  set_.y = Rng(4, "y").normal({{0, 0}, {1, 0}, {2, 0}}, 0, set_.header.image, at::kFloat) * 0.3;
  set_.ground_truth = at::Tensor();
  options_.estimate_noise = true;
  EXPECT_NEAR(source().prepare(0, c10::kCPU).noise.std, 0.3, 0.03);
}

}  // namespace
}  // namespace recon
