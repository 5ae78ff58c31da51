// The images of a training step: each once an epoch, cut and varied by their number alone.
#include "priors/train/batch_source.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "recon/core/error.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

TrainingImages flat_images(std::int64_t count) {
  return {count, [](std::int64_t) { return at::zeros({1, 12, 12}); }};
}

TrainingOptions small_options() {
  TrainingOptions options;
  options.batch = 3;
  options.crop = 8;
  return options;
}

TEST(BatchSource, ShowsEveryImageOncePerEpochInANewOrder) {
  TrainingOptions options = small_options();
  options.batch = 2;
  options.crop = 0;
  options.flip = false;
  const TrainingImages images{5, [](std::int64_t index) { return at::full({1, 2, 2}, index, at::kFloat); }};
  BatchSource source(images, options, 2);
  std::vector<std::vector<int>> epochs(3);
  std::vector<int> shown;
  for (std::int64_t step = 0; step < 8; ++step) {
    const at::Tensor batch = source.batch(step).images;
    for (std::int64_t slot = 0; slot < 2; ++slot) shown.push_back(batch[slot][0][0][0].item<int>());
  }
  for (std::size_t k = 0; k < 15; ++k) epochs[k / 5].push_back(shown[k]);
  for (const auto& epoch : epochs) EXPECT_EQ(std::set<int>(epoch.begin(), epoch.end()).size(), 5U);
  EXPECT_TRUE(epochs[0] != epochs[1] || epochs[1] != epochs[2]);
  BatchSource resumed(images, options, 2);
  EXPECT_TRUE(resumed.batch(6).images.equal(source.batch(6).images)) << "a batch depends on nothing but the step";
}

TEST(BatchSource, CutsFlipsAndTurns) {
  TrainingOptions options = small_options();
  options.batch = 64;
  options.crop = 2;
  options.rotate = true;
  const at::Tensor image = at::arange(9, at::kFloat).reshape({1, 3, 3});
  BatchSource source({1, [&](std::int64_t) { return image; }}, options, 2);
  const at::Tensor batch = source.batch(0).images;
  std::set<std::vector<float>> seen, possible;
  for (std::int64_t slot = 0; slot < 64; ++slot) {
    const at::Tensor crop = batch[slot].contiguous();
    seen.insert(std::vector<float>(crop.data_ptr<float>(), crop.data_ptr<float>() + 4));
  }
  for (std::int64_t top = 0; top < 2; ++top) {
    for (std::int64_t left = 0; left < 2; ++left) {
      const at::Tensor cut = image.narrow(1, top, 2).narrow(2, left, 2);
      for (const auto& flipped : {cut, cut.flip({2})}) {
        for (std::int64_t turns = 0; turns < 4; ++turns) {
          const at::Tensor x = at::rot90(flipped, turns, {1, 2}).contiguous();
          possible.insert(std::vector<float>(x.data_ptr<float>(), x.data_ptr<float>() + 4));
        }
      }
    }
  }
  EXPECT_EQ(possible.size(), 32U);
  for (const auto& crop : seen) EXPECT_TRUE(possible.contains(crop));
  EXPECT_GT(seen.size(), 20U);  // of 32, in 64 draws: 28 expected, standard deviation 1.6
}

/// Images that hold where their pixels lie: what is cut out of the mirrored and turned whole says where it should be.
TEST(BatchSource, SaysWhereCropsLie) {
  const auto whole_of = [](std::int64_t height, std::int64_t width) {
    return at::stack({at::arange(width, at::kFloat).expand({height, width}),
                      at::arange(height, at::kFloat).unsqueeze(1).expand({height, width})});
  };
  TrainingOptions options = small_options();
  options.batch = 64;
  options.crop = 4;
  options.rotate = true;
  BatchSource source({1, [&](std::int64_t) { return whole_of(7, 11); }}, options, 2);
  const TrainingBatch batch = source.batch(0);
  ASSERT_EQ(batch.places.size(), 64U);
  std::set<std::vector<std::int64_t>> seen;
  for (std::int64_t slot = 0; slot < 64; ++slot) {
    const ImagePlace& place = batch.places[static_cast<std::size_t>(slot)];
    bool found = false;
    for (const bool mirrored : {false, true}) {
      for (std::int64_t turns = 0; turns < 4; ++turns) {
        const at::Tensor image = whole_of(7, 11);
        const at::Tensor moved = at::rot90(mirrored ? image.flip({2}) : image, turns, {1, 2});
        if (moved.size(1) != place.height || moved.size(2) != place.width) continue;
        found = found || moved.narrow(1, place.top, 4).narrow(2, place.left, 4).equal(batch.images[slot]);
      }
    }
    EXPECT_TRUE(found) << "slot " << slot << " at " << place.top << ", " << place.left;
    seen.insert({place.top, place.left, place.height, place.width});
  }
  EXPECT_GT(seen.size(), 30U) << "of 4 x 8 places, lying and standing, in 64 draws";
  options.crop = 0;
  options.rotate = false;
  const TrainingBatch whole = BatchSource({1, [&](std::int64_t) { return whole_of(6, 8); }}, options, 2).batch(0);
  EXPECT_EQ(whole.places.front(), (ImagePlace{.height = 6, .width = 8}));
}

TEST(BatchSource, SaysWhichImageDoesNotFit) {
  TrainingOptions options = small_options();
  options.crop = 16;
  BatchSource small(flat_images(1), options, 2);
  test::expect_says(test::complaint([&] { small.batch(0); }), {"image 0", "12 x 12", "16"});
  options.crop = 0;
  BatchSource odd(flat_images(1), options, 8);
  test::expect_says(test::complaint([&] { odd.batch(0); }), {"multiples of 8", "crop"});
  options.batch = 2;
  const TrainingImages uneven{2, [](std::int64_t index) { return at::zeros({1, 4 + 4 * index, 4}); }};
  BatchSource mixed(uneven, options, 2);
  test::expect_says(test::complaint([&] { mixed.batch(0); }), {"any size", "crop"});
  options.crop = 5;
  EXPECT_THROW(BatchSource(flat_images(1), options, 2), Error);
}

TEST(BatchSource, VariesContrastBetweenBlackAndWhite) {
  TrainingOptions options = small_options();
  options.batch = 256;
  options.crop = 0;
  options.flip = false;
  options.contrast = 2;
  const at::Tensor image = at::tensor({-1.0F, -0.5F, 0.0F, 1.0F}).reshape({1, 2, 2});
  BatchSource source({1, [&](std::int64_t) { return image; }}, options, 2);
  const at::Tensor batch = source.batch(0).images.flatten(1);
  EXPECT_TRUE(batch.select(1, 0).eq(-1).all().item<bool>());
  EXPECT_TRUE(batch.select(1, 3).eq(1).all().item<bool>());
  // The quarter between black and white becomes (1/4)^g, the half (1/2)^g, with one g per image.
  const at::Tensor g = ((batch.select(1, 1) + 1) / 2).log() / std::log(0.25);
  EXPECT_TRUE(at::allclose(((batch.select(1, 2) + 1) / 2).log() / std::log(0.5), g, 1e-4));
  EXPECT_GT(g.min().item<double>(), 0.5 - 1e-5);
  EXPECT_LT(g.max().item<double>(), 2 + 1e-5);
  // log2 g is uniform between -1 and 1: mean 0 with a standard error of 0.58 / 16, standard deviation 0.58.
  EXPECT_NEAR(g.log2().mean().item<double>(), 0, 0.15);
  EXPECT_NEAR(g.log2().std().item<double>(), 1 / std::sqrt(3.0), 0.06);
}

TEST(BatchSource, ShadesAwayFromAPoint) {
  TrainingOptions options = small_options();
  options.batch = 256;
  options.crop = 0;
  options.shading = 0.5;
  const TrainingImages white{1, [](std::int64_t) { return at::full({1, 16, 16}, 0.8F); }, 0, 0.8};
  BatchSource source(white, options, 2);
  const at::Tensor kept = source.batch(0).images.squeeze(1) / 0.8;
  EXPECT_GT(kept.min().item<double>(), 0.5);
  EXPECT_LT(kept.min().item<double>(), 0.62) << "some image loses nearly half in a corner";
  EXPECT_LE(kept.max().item<double>(), 1 + 1e-6);
  // A paraboloid: second differences along both axes are one constant per image, and equal.
  const at::Tensor along_rows = kept.diff(2, 1), along_columns = kept.diff(2, 2);
  EXPECT_LT((along_rows - along_rows.mean({1, 2}, true)).abs().max().item<double>(), 1e-5);
  EXPECT_NEAR((along_rows.mean({1, 2}) - along_columns.mean({1, 2})).abs().max().item<double>(), 0, 1e-5);
  EXPECT_GT(along_rows.mean({1, 2}).std().item<double>(), 1e-4) << "the share differs from image to image";
  BatchSource again(white, options, 2);
  EXPECT_TRUE(again.batch(3).images.equal(source.batch(3).images));
}

}  // namespace
}  // namespace recon
