#include "recon/core/cuda_backend.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

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
