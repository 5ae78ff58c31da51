#include "recon/core/device.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/cuda_backend.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

TEST(Device, CpuAndAutoAreAlwaysThere) {
  EXPECT_EQ(parse_device("cpu").type(), c10::kCPU);
  EXPECT_NO_THROW(parse_device("auto"));
}

TEST(Device, NonsenseIsRefusedByName) {
  for (const char* text : {"gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:1", ""}) {
    try {
      parse_device(text);
      FAIL() << text << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << text;
    }
  }
}

TEST(Device, WithoutAGpuTheErrorSaysWhy) {
  if (why_no_cuda().empty()) GTEST_SKIP() << "this machine has a GPU";
  try {
    parse_device("cuda");
    FAIL() << "cuda was accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(why_no_cuda()), std::string::npos) << error.what();
  }
}

/// A kind of device in name only.
class Named final : public DeviceBackend {
 public:
  int device_count() const override { return 2; }
  std::string device_name(int) const override { return "named"; }
  std::string refusal(int index) const override { return index == 1 ? "it is too old" : ""; }
  int capability(int) const override { return 0; }
  void fill_normal(const at::Tensor&, const std::vector<std::uint64_t>&, std::uint32_t) const override {}
  std::int64_t peak_bytes(int) const override { return 0; }
  std::int64_t free_bytes(int) const override { return 0; }
  void reset_peak(int) const override {}
  std::unique_ptr<DeviceMoment> moment(int) const override { return nullptr; }
  const OperatorKernels& operator_kernels() const override { throw internal_error("Named", "computes nothing"); }
};

TEST(Device, AnotherKindIsAddedByName) {
  EXPECT_THROW(parse_device("named"), Error);
  EXPECT_THROW(device_backend(c10::kPrivateUse1), Error);
  static const Named backend;
  add_device("named", c10::kPrivateUse1, backend);
  EXPECT_EQ(parse_device("named"), c10::Device(c10::kPrivateUse1, 0));
  try {
    parse_device("named:1");
    FAIL() << "a device that refuses was taken";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("named:1 (named) cannot be used: it is too old"), std::string::npos);
  }
  EXPECT_THROW(parse_device("named:2"), Error);
  EXPECT_THROW(parse_device("named:x"), Error);
  EXPECT_EQ(&device_backend(c10::Device(c10::kPrivateUse1, 0)), &backend);
}

TEST(Device, TheGpuDrawsTheNumbersOfTheCpu) {
  if (!why_no_cuda().empty()) GTEST_SKIP() << why_no_cuda();
  const TensorSpec spec{{3, 100, 77}, ScalarKind::real};
  const Rng rng(5, "gpu");
  const at::Tensor cpu = rng.normal({{1, 0}, {1, 1}}, 9, spec, at::kDouble);
  const at::Tensor gpu = rng.normal({{1, 0}, {1, 1}}, 9, spec, at::TensorOptions(at::kDouble).device(at::kCUDA));
  // log and cos of the two maths libraries differ by a few units in the last place of values up to about 6
  EXPECT_LT((cpu - gpu.cpu()).abs().max().item<double>(), 1e-13);
}

}  // namespace
}  // namespace recon
