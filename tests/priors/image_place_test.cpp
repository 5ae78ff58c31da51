// Where pixels lie in their whole image: parts of it, mirrored and turned.
#include "priors/image_place.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace recon {
namespace {

at::Tensor of_whole(std::int64_t height, std::int64_t width, std::int64_t block = 1) {
  return positions({{.height = height, .width = width}}, height, width, block, at::kFloat);
}

TEST(Positions, RunFromEdgeToEdge) {
  const at::Tensor got = of_whole(2, 4);
  ASSERT_EQ(got.sizes(), (at::IntArrayRef{1, 2, 2, 4}));
  const at::Tensor x = at::tensor({-0.75F, -0.25F, 0.25F, 0.75F}), y = at::tensor({-0.5F, 0.5F});
  EXPECT_TRUE(got[0][0].equal(x.expand({2, 4})));
  EXPECT_TRUE(got[0][1].equal(y.unsqueeze(1).expand({2, 4})));
}

TEST(Positions, OfABlockAreTheMeanOfItsPixels) {
  const at::Tensor of_pixels = of_whole(12, 20);
  EXPECT_LT((of_whole(12, 20, 4) - at::avg_pool2d(of_pixels, 4)).abs().max().item<double>(), 1e-6);
}

TEST(Positions, OfAnImageOfTwiceTheSizeAreAtTheSameShare) {
  EXPECT_LT((at::avg_pool2d(of_whole(24, 40), 2) - of_whole(12, 20)).abs().max().item<double>(), 1e-6);
}

TEST(Positions, OfPartsAreThePartsOfTheWhole) {
  const at::Tensor whole = of_whole(30, 50);
  const std::vector<ImagePlace> places{{.top = 3, .left = 41, .height = 30, .width = 50},
                                       {.top = 22, .left = 0, .height = 30, .width = 50}};
  const at::Tensor got = positions(places, 8, 9, 1, at::kFloat);
  ASSERT_EQ(got.sizes(), (at::IntArrayRef{2, 2, 8, 9}));
  for (std::int64_t i = 0; i < 2; ++i) {
    const ImagePlace& place = places[static_cast<std::size_t>(i)];
    EXPECT_TRUE(got[i].equal(whole[0].narrow(1, place.top, 8).narrow(2, place.left, 9))) << "to the last bit";
  }
  const at::Tensor blocks = positions({places[1]}, 8, 6, 2, at::kFloat);
  EXPECT_TRUE(blocks[0].equal(of_whole(30, 50, 2)[0].narrow(1, 11, 4).narrow(2, 0, 3)));
}

// The part of the moved whole is the moved part of the whole.
TEST(ImagePlace, MovesWithTheWhole) {
  const at::Tensor whole = at::arange(7 * 9).view({7, 9});
  const ImagePlace place{.top = 1, .left = 5, .height = 7, .width = 9};
  const auto part = [](const at::Tensor& of, const ImagePlace& at, std::int64_t rows, std::int64_t columns) {
    EXPECT_EQ(at.height, of.size(0));
    EXPECT_EQ(at.width, of.size(1));
    return of.narrow(0, at.top, rows).narrow(1, at.left, columns);
  };
  const at::Tensor cut = part(whole, place, 4, 3);
  EXPECT_TRUE(part(whole.flip(1), place.with_columns_reversed(3), 4, 3).equal(cut.flip(1)));
  EXPECT_TRUE(part(whole.flip(0), place.with_rows_reversed(4), 4, 3).equal(cut.flip(0)));
  EXPECT_TRUE(part(whole.t(), place.transposed(), 3, 4).equal(cut.t()));
}

}  // namespace
}  // namespace recon
