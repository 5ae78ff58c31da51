// The strict device itself: it refuses and counts what CUDA would. Planted faults of each kind are found.
#include "tests/support/strict_device.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/device/device_support.h"

namespace recon::test {
namespace {

class StrictDevice : public testing::Test {
 protected:
  void SetUp() override {
    if (!counts_are_known()) GTEST_SKIP() << "another device is tested";
  }

  at::Tensor host_ = at::arange(12, at::kFloat).view({3, 4});
  at::Tensor device_ = there(host_);
};

template <class Work>
std::string refusal(const Work& work) {
  try {
    work();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "";
}

TEST_F(StrictDevice, ComputesWhatTheCpuComputes) {
  EXPECT_TRUE(at::equal((device_ * 2 + device_.t().contiguous().t()).cpu(), host_ * 3));
  EXPECT_TRUE(at::equal(device_.narrow(1, 1, 2).cpu(), host_.narrow(1, 1, 2)));
  device_.select(0, 1).fill_(7);  // a view writes to the memory that it is of
  EXPECT_EQ(device_.cpu()[1][3].item<float>(), 7);
  const at::Tensor conjugated = at::complex(device_, device_).conj();  // lazily
  EXPECT_TRUE(at::equal(at::imag(conjugated.cpu()), -device_.cpu()));
  EXPECT_TRUE(at::equal(at::real(conjugated * conjugated).cpu(), at::zeros_like(host_)));
}

TEST_F(StrictDevice, Differentiates) {
  const auto gradient = [](const at::Tensor& start) {
    const at::Tensor x = start.detach().requires_grad_(true);
    const at::Tensor y = at::silu(at::group_norm(at::conv2d(x, at::ones_like(x), {}, 1, 1), 1));
    return torch::autograd::grad({y}, {x}, {at::ones_like(y)})[0];
  };
  const at::Tensor image = host_.view({1, 1, 3, 4});
  EXPECT_LT(difference(gradient(there(image)), gradient(image)), 1e-6);
}

TEST_F(StrictDevice, RefusesTensorsOfTwoDevices) {
  EXPECT_NE(refusal([&] { device_ + host_; }), "");
  EXPECT_NE(refusal([&] { host_.clone().add_(device_); }), "");
  EXPECT_NE(refusal([&] { device_.clone().add_(host_); }), "");
  EXPECT_NE(refusal([&] { at::mm(device_, host_.t()); }), "");
  EXPECT_NE(refusal([&] { at::cat({device_, host_}); }), "");
  EXPECT_NE(refusal([&] { device_.index_select(0, at::tensor({0, 1})); }), "");
  EXPECT_NE(refusal([&] { at::where(host_ > 0, device_, device_); }), "");
  EXPECT_NE(refusal([&] { at::scalar_tensor(1.0F).add_(device_.sum()); }), "");
  EXPECT_NE(refusal([&] { at::mm(device_, at::scalar_tensor(1.0F).expand({4, 1})); }), "");
}

TEST_F(StrictDevice, TakesScalarsAndIndicesOfTheCpuAsCudaDoes) {
  EXPECT_EQ(refusal([&] { device_* at::scalar_tensor(2.0F); }), "");
  EXPECT_EQ(refusal([&] { at::where(device_ > 0, device_, at::scalar_tensor(0.0F)); }), "");
  EXPECT_EQ(refusal([&] { device_.index({at::tensor({0, 1})}); }), "");
  EXPECT_EQ(refusal([&] { device_.clone().copy_(host_); }), "");
}

TEST_F(StrictDevice, CountsReadsUploadsAndLaunches) {
  const DeviceCounts counts = counts_of([&] {
    const at::Tensor sum = (device_ + 1).sum();  // 2 launches
    sum.item<float>();
    sum.cpu();
    device_.clone().copy_(host_);  // allocates, copies, uploads
    at::equal(device_, device_);
    (device_ > 3).nonzero();
    device_.masked_select(device_ > 3);
  });
  EXPECT_EQ(counts.uploads, 1);
  EXPECT_EQ(counts.host_reads, 5);
  EXPECT_EQ(counts.readers, (std::map<std::string, std::int64_t>{{"aten::item", 1},
                                                                 {"aten::copy_", 1},
                                                                 {"aten::equal", 1},
                                                                 {"aten::nonzero", 1},
                                                                 {"aten::masked_select", 1}}));
  EXPECT_EQ(counts.launches, 8);
  EXPECT_EQ(counts.synchronisations, 0);
}

TEST_F(StrictDevice, APlantedItemIsFoundOnAnyThread) {
  const NoHostReads watched;
  EXPECT_NE(refusal([&] { device_.sum().item<float>(); }).find("aten::item"), std::string::npos);
  EXPECT_NE(refusal([&] {
              if (at::isfinite(device_).all().item<bool>()) return;
            }),
            "");
  EXPECT_EQ(refusal([&] { (device_ * 2).sum(); }), "");
}

using StrictDeviceDeathTest = StrictDevice;

TEST_F(StrictDeviceDeathTest, ARawPointerOfTheDeviceCannotBeFollowed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(device_.mutable_data_ptr<float>()[5] = 1, "host code followed a raw pointer of a device tensor");
  EXPECT_DEATH(
      {
        volatile float read = device_.const_data_ptr<float>()[0];
        static_cast<void>(read);
      },
      "host code followed a raw pointer of a device tensor");
}

}  // namespace
}  // namespace recon::test
