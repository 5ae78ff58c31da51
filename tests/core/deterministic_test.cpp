#include "recon/core/deterministic.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace recon {
namespace {

TEST(Deterministic, AlgorithmsAreAskedOfAten) {
  at::Context& context = at::globalContext();
  ASSERT_FALSE(context.deterministicAlgorithms());
  use_deterministic_algorithms();
  EXPECT_TRUE(context.deterministicAlgorithms());
  EXPECT_TRUE(context.deterministicAlgorithmsWarnOnly()) << "what has none is named, and goes on";
  EXPECT_TRUE(context.deterministicCuDNN());
  EXPECT_FALSE(context.benchmarkCuDNN());
  EXPECT_FALSE(context.deterministicFillUninitializedMemory());
  ASSERT_NE(std::getenv("CUBLAS_WORKSPACE_CONFIG"), nullptr);
  EXPECT_FALSE(std::string(std::getenv("CUBLAS_WORKSPACE_CONFIG")).empty());
  context.setDeterministicAlgorithms(false, false);
}

}  // namespace
}  // namespace recon
