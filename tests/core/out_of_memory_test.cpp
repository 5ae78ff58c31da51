#include "recon/core/out_of_memory.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <new>

namespace recon {
namespace {

bool says_so(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    return is_out_of_memory(error);
  }
  ADD_FAILURE() << "no fault";
  return false;
}

TEST(OutOfMemory, IsKnownByAllItsNames) {
  EXPECT_TRUE(is_out_of_memory(std::bad_alloc()));
  EXPECT_TRUE(is_out_of_memory(OutOfMemory("an image", "no reason")));
  EXPECT_TRUE(is_out_of_memory(c10::OutOfMemoryError("CUDA: tried to allocate 2 GiB", nullptr)));
  EXPECT_TRUE(
      is_out_of_memory(c10::Error("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate", nullptr)));
  // ATen's own words on this machine: more than any address space.
  EXPECT_TRUE(says_so([] { at::empty({std::int64_t{1} << 57}, at::kByte); }));
}

TEST(OutOfMemory, IsNotAnyOtherFault) {
  EXPECT_FALSE(says_so([] { at::ones({2}) + at::ones({3}); }));
  EXPECT_FALSE(is_out_of_memory(usage_error("memory", "expected a number")));
  EXPECT_FALSE(is_out_of_memory(std::runtime_error("out of memory")));
}

TEST(OutOfMemory, IsToldInOneLine) {
  try {
    at::empty({std::int64_t{1} << 57}, at::kByte);
  } catch (const std::exception& error) {
    const std::string line = first_line_of(error);
    EXPECT_NE(line.find("allocate"), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace recon
