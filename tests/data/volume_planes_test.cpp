// What pictures of volumes show: three planes through the middle, and the slices in a column.
#include "data/volume_planes.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace recon {
namespace {

// A voxel is 100 z + 10 y + x.
at::Tensor numbered(std::int64_t slices, std::int64_t rows, std::int64_t columns) {
  return 100 * at::arange(slices).view({1, -1, 1, 1}) + 10 * at::arange(rows).view({1, 1, -1, 1}) +
         at::arange(columns).view({1, 1, 1, -1});
}

TEST(VolumePlanes, ShowTheMiddleOfEachAxis) {
  const at::Tensor volume = numbered(3, 5, 4), picture = middle_planes(volume, -1);
  ASSERT_EQ(picture.sizes(), (at::IntArrayRef{1, 5, 4 + 1 + 4 + 1 + 5}));
  EXPECT_TRUE(at::equal(picture.narrow(2, 0, 4), volume.select(1, 1))) << "axial, [H, W]";
  EXPECT_TRUE(at::equal(picture.narrow(1, 0, 3).narrow(2, 5, 4), volume.select(2, 2))) << "coronal, [D, W]";
  EXPECT_TRUE(at::equal(picture.narrow(1, 0, 3).narrow(2, 10, 5), volume.select(3, 2))) << "sagittal, [D, H]";
  EXPECT_EQ(picture.eq(-1).sum().item<std::int64_t>(), 2 * 5 + 2 * 4 + 2 * 5) << "two gaps, and what is below";
  EXPECT_TRUE(at::equal(middle_planes(volume[0].narrow(0, 0, 1), -1), volume[0].narrow(0, 0, 1))) << "an image stays";
}

TEST(VolumePlanes, StandOneBelowTheOtherAsFarAsRowsAllow) {
  const at::Tensor volume = numbered(5, 4, 3), column = slices_in_a_column(volume, 20);
  ASSERT_EQ(column.sizes(), (at::IntArrayRef{1, 20, 3}));
  for (int z = 0; z < 5; ++z) EXPECT_TRUE(at::equal(column.narrow(1, 4 * z, 4), volume.select(1, z)));
  const at::Tensor every_second = slices_in_a_column(volume, 19);
  ASSERT_EQ(every_second.sizes(), (at::IntArrayRef{1, 12, 3}));
  EXPECT_TRUE(at::equal(every_second.narrow(1, 8, 4), volume.select(1, 4)));
}

}  // namespace
}  // namespace recon
