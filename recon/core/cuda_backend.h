#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace recon {

/// What the GPU side offers beyond ATen; implemented by the shared library recon_cuda, which is loaded when a GPU is
/// first asked for, so that a CPU run never loads the CUDA libraries.
class CudaBackend {
 public:
  virtual ~CudaBackend() = default;
  virtual int device_count() const = 0;
  virtual std::string device_name(int index) const = 0;
  /// Standard normal values of (key, step) into a contiguous real CUDA tensor: the same sequence as on the CPU.
  virtual void fill_normal(const at::Tensor& out, std::uint64_t key, std::uint32_t step) const = 0;
  /// Largest number of bytes ATen's allocator has held on the device since the last reset_peak().
  virtual std::int64_t peak_bytes(int index) const = 0;
  virtual void reset_peak(int index) const = 0;
  /// Waits for the device's current stream: call before reading a clock.
  virtual void synchronize(int index) const = 0;
};

/// The loaded backend. Throws Error(usage) saying why there is none: not built, library missing, no driver.
const CudaBackend& cuda_backend();

/// Empty when a GPU can be used, otherwise the reason why not. Never throws.
std::string why_no_cuda();

/// `auto` (the first GPU if it can be used, else the CPU), `cpu`, `cuda`, `cuda:1`. Throws Error(usage).
c10::Device parse_device(const std::string& text);

}  // namespace recon
