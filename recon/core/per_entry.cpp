#include "recon/core/per_entry.h"

#include <ATen/ATen.h>

#include "recon/core/tensor_spec.h"

namespace recon {

at::Tensor per_entry(const std::vector<double>& values, const at::Tensor& like) {
  return at::tensor(values, at::kDouble).to(like.device());
}

at::Tensor per_entry(double value, const at::Tensor& like) {
  return at::full({like.size(0)}, value, like.options().dtype(at::kDouble));
}

std::vector<double> host_values(const at::Tensor& values) {
  const at::Tensor host = values.to(at::kCPU, at::kDouble).contiguous();
  return {host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel()};
}

at::Tensor along_batch(const at::Tensor& values, const at::Tensor& like) {
  Shape shape(static_cast<std::size_t>(like.dim()), 1);
  shape[0] = values.size(0);
  return values.view(shape);
}

bool is_time_to_look(std::int64_t iteration, const at::Tensor& flags) {
  constexpr std::int64_t every = 4;
  return flags.is_cpu() || iteration % every == 0;
}

}  // namespace recon
