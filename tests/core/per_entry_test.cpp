#include "recon/core/per_entry.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/device_index.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

const at::Tensor images = at::arange(12, at::kFloat).view({2, 1, 2, 3});

TEST(PerEntry, NumbersOfABatchAreDoublesBesideIt) {
  EXPECT_TRUE(at::equal(per_entry({1.5, -2}, images), at::tensor({1.5, -2.0}, at::kDouble)));
  EXPECT_TRUE(at::equal(per_entry(0.25, images), at::full({2}, 0.25, at::kDouble)));
  EXPECT_EQ(host_values(squared_norms(images)), (std::vector<double>{55, 451}));
  EXPECT_EQ(host_values(at::tensor({1, 0}).to(at::kBool)), (std::vector<double>{1, 0}));
}

TEST(PerEntry, FlagsSelectEntries) {
  const at::Tensor flags = at::tensor({1, 0}).to(at::kBool);
  EXPECT_EQ(along_batch(flags, images).sizes(), (Shape{2, 1, 1, 1}));
  const at::Tensor chosen = at::where(along_batch(flags, images), images, at::zeros_like(images));
  EXPECT_TRUE(at::equal(chosen[0], images[0]));
  EXPECT_EQ(chosen[1].abs().max().item<float>(), 0);
}

TEST(PerEntry, OnTheCpuItIsAlwaysTimeToLook) {
  for (std::int64_t i = 0; i < 9; ++i) EXPECT_TRUE(is_time_to_look(i, at::tensor({1}).to(at::kBool)));
}

TEST(DeviceIndex, IsTheSameForAllCopies) {
  const DeviceIndex index({3, 1, 4});
  const DeviceIndex copy = index;
  EXPECT_EQ(copy.size(), 3);
  EXPECT_TRUE(at::equal(copy.on(at::kCPU), at::tensor({3, 1, 4}, at::kLong)));
  EXPECT_EQ(copy.on(at::kCPU).const_data_ptr(), index.on(at::kCPU).const_data_ptr());
}

}  // namespace
}  // namespace recon
