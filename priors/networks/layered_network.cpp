#include "priors/networks/layered_network.h"

#include <ATen/ATen.h>

#include "priors/networks/avx512.h"

namespace recon {

at::Tensor LayeredNetwork::forward(const at::Tensor& x, const at::Tensor& t) const {
  require_network_input(*this, x, t, "LayeredNetwork::forward");
  WholeExecution run;
  // Convolutions of AVX-512 read pixels as they lie, and norms of our own follow them (fused_norm.h).
  const bool last = x.is_cpu() && has_avx512();
  const at::Tensor in = last ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
  return through(run, {.tensor = in}, t).tensor.contiguous();
}

}  // namespace recon
