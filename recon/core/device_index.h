#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace recon {

/// Immutable positions, for index_select and its kind, on whichever device they are asked for: brought there once.
/// Thread-safe; copies share what is there. What DeviceConstant is for numbers.
class DeviceIndex {
 public:
  DeviceIndex() = default;
  explicit DeviceIndex(const std::vector<std::int64_t>& positions);
  explicit DeviceIndex(const at::Tensor& positions);  ///< int64, of the CPU

  std::int64_t size() const;
  at::Tensor on(c10::Device device) const;  ///< int64 [size]

 private:
  struct Cache;
  std::shared_ptr<Cache> cache_;
};

}  // namespace recon
