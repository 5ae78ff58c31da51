#include "recon/core/device_constant.h"

#include <ATen/ATen.h>

#include <mutex>
#include <utility>
#include <vector>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {

struct DeviceConstant::Cache {
  at::Tensor value;
  std::mutex mutex;
  std::vector<at::Tensor> converted;
};

DeviceConstant::DeviceConstant(const at::Tensor& value) : cache_(std::make_shared<Cache>()) {
  cache_->value = resolved(
      value.detach().to(at::kCPU, value.is_complex() ? at::kComplexDouble : at::kDouble, false, /*copy=*/true));
}

DeviceConstant DeviceConstant::as_given(const at::Tensor& value) {
  DeviceConstant constant;
  constant.cache_ = std::make_shared<Cache>();
  constant.cache_->value = resolved(value.detach().cpu());
  return constant;
}

const at::Tensor& DeviceConstant::value() const {
  if (!defined()) throw internal_error("DeviceConstant", "used before it was given a value");
  return cache_->value;
}

at::Tensor DeviceConstant::like(const at::Tensor& x) const {
  const at::Tensor& master = value();
  const at::ScalarType dtype = master.is_complex() ? complex_dtype(x) : real_dtype(x);
  const std::lock_guard lock(cache_->mutex);
  for (const auto& tensor : cache_->converted) {
    if (tensor.scalar_type() == dtype && tensor.device() == x.device()) return tensor;
  }
  cache_->converted.push_back(master.to(x.device(), dtype));
  return cache_->converted.back();
}

}  // namespace recon
