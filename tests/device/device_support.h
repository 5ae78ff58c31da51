#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "recon/core/device.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/strict_device.h"

// The device that the tests of this folder run on: the strict one (tests/support/strict_device.h), or that of the
// environment variable RECON_TEST_DEVICE (cuda), with the same tests.
namespace recon::test {

inline c10::Device tested_device() {
  const char* const wanted = std::getenv("RECON_TEST_DEVICE");
  const c10::Device device = wanted == nullptr ? strict_device() : parse_device(wanted);
  if (device.is_cpu()) throw internal_error("device tests", "they compare a device with the CPU, and got the CPU");
  return device;
}

/// A device joins in before the first tensor is differentiated: PyTorch starts its threads then, once.
inline const c10::Device kDevice = tested_device();

inline bool counts_are_known() { return kDevice.type() == c10::kPrivateUse1; }

inline at::Tensor there(const at::Tensor& tensor) { return tensor.to(kDevice); }

/// The largest difference between a result of the device and one of the CPU, over the largest value of that.
inline double difference(const at::Tensor& of_device, const at::Tensor& of_cpu) {
  EXPECT_EQ(of_device.device(), kDevice) << "it is not where it was computed";
  EXPECT_EQ(of_device.scalar_type(), of_cpu.scalar_type());
  const double scale = of_cpu.abs().max().item<double>();
  const double largest = (of_device.cpu() - of_cpu).abs().max().item<double>();
  return scale > 0 ? largest / scale : largest;
}

inline at::Tensor drawn(const TensorSpec& spec, std::int64_t items, at::ScalarType dtype, std::uint32_t step = 0) {
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < items; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
  return Rng(17, "device tests").normal(keys, step, spec, dtype);
}

}  // namespace recon::test
