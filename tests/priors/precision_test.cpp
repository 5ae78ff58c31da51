// Which device has which precision, and what is said where it has not.
#include "priors/networks/precision.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "recon/core/error.h"

namespace recon {
namespace {

TEST(Precision, ACpuHasFloat32AndBfloat16) {
  EXPECT_EQ(why_not(Precision::float32, c10::kCPU, 0), "");
  EXPECT_EQ(why_not(Precision::bfloat16, c10::kCPU, 0), "");
  EXPECT_EQ(why_not(Precision::tf32, c10::kCPU, 0), "tf32 is for GPUs; a CPU takes float32, bfloat16 or auto");
  EXPECT_EQ(why_not(Precision::float16, c10::kCPU, 0), "float16 is for GPUs; a CPU takes float32, bfloat16 or auto");
}

TEST(Precision, AGpuHasTf32AndBfloat16FromAmpereOn) {
  for (const Precision precision : {Precision::tf32, Precision::bfloat16}) {
    for (const int capability : {80, 86, 90, 120}) EXPECT_EQ(why_not(precision, c10::kCUDA, capability), "");
    EXPECT_EQ(
        why_not(precision, c10::kCUDA, 75),
        to_string(precision) + " needs a GPU of compute capability 8.0, this one has 7.5; take float32 or float16");
  }
  for (const Precision precision : {Precision::float32, Precision::float16}) {
    EXPECT_EQ(why_not(precision, c10::kCUDA, 70), "");
  }
}

TEST(Precision, WhatACpuDoesNotHaveIsTheUsersError) {
  try {
    require_precision(Precision::tf32, c10::kCPU);
    FAIL() << "tf32 on a CPU";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
}

bool matrix_units_round() {
  return at::globalContext().allowTF32CuBLAS() && at::globalContext().allowTF32CuDNN(at::Float32Op::CONV);
}

TEST(Precision, Tf32IsOnWhileAScopeAsksForIt) {
  at::globalContext().setAllowTF32CuDNN(false);  // as cuda_backend() does
  at::globalContext().setAllowTF32CuBLAS(false);
  {
    const PrecisionScope outer(Precision::tf32, c10::kCPU);
    { const PrecisionScope inner(Precision::tf32, c10::kCPU); }
    EXPECT_TRUE(matrix_units_round()) << "the outer one still asks";
    const PrecisionScope other(Precision::float32, c10::kCPU);
    EXPECT_EQ(PrecisionScope::current(), Precision::float32);
  }
  EXPECT_FALSE(matrix_units_round());
  EXPECT_FALSE(at::globalContext().allowTF32CuDNN(at::Float32Op::CONV));
}

TEST(Precision, AScopeCastsToItsTypeAndTellsWhatItIs) {
  for (const auto& [precision, type] :
       {std::pair(Precision::float16, at::kHalf), {Precision::bfloat16, at::kBFloat16}}) {
    const PrecisionScope scope(precision, c10::kCPU);
    EXPECT_TRUE(at::autocast::is_autocast_enabled(at::kCPU));
    EXPECT_EQ(at::autocast::get_autocast_dtype(at::kCPU), type);
    EXPECT_EQ(PrecisionScope::current(), precision);
  }
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  EXPECT_EQ(PrecisionScope::current(), Precision::float32);
}

}  // namespace
}  // namespace recon
