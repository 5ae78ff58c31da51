#include "priors/networks/network.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {

std::int64_t Network::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& parameter : parameters_) count += parameter.value.numel();
  return count;
}

void require_network_input(const Network& network, const at::Tensor& x, const at::Tensor& t, const char* where) {
  const std::int64_t multiple = network.size_multiple();
  if (x.dim() != 4 || x.size(1) != network.in_channels() || x.scalar_type() != at::kFloat ||
      x.size(2) % multiple != 0 || x.size(3) % multiple != 0 || x.numel() == 0) {
    throw internal_error(where, "expected float32 [B, {}, H, W] with H and W multiples of {}, got {} {}",
                         network.in_channels(), multiple, c10::toString(x.scalar_type()), to_string(x.sizes().vec()));
  }
  if (t.dim() != 1 || t.size(0) != x.size(0) || t.scalar_type() != at::kFloat) {
    throw internal_error(where, "expected one float32 time per image, got {} {}", c10::toString(t.scalar_type()),
                         to_string(t.sizes().vec()));
  }
}

}  // namespace recon
