#include "recon/core/device_index.h"

#include <ATen/ATen.h>

#include <mutex>

namespace recon {

struct DeviceIndex::Cache {
  std::mutex mutex;
  std::vector<at::Tensor> copies;  ///< the first on the CPU
};

DeviceIndex::DeviceIndex(const at::Tensor& positions) : cache_(std::make_shared<Cache>()) {
  cache_->copies.push_back(positions);
}

DeviceIndex::DeviceIndex(const std::vector<std::int64_t>& positions) : DeviceIndex(at::tensor(positions, at::kLong)) {}

std::int64_t DeviceIndex::size() const { return cache_->copies.front().numel(); }

at::Tensor DeviceIndex::on(c10::Device device) const {
  const std::lock_guard lock(cache_->mutex);
  for (const auto& copy : cache_->copies) {
    if (copy.device() == device) return copy;
  }
  cache_->copies.push_back(cache_->copies.front().to(device));
  return cache_->copies.back();
}

}  // namespace recon
