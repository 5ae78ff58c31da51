#include "priors/networks/layered_network.h"

#include <ATen/ATen.h>

#include "priors/networks/channels_last.h"

namespace recon {

at::Tensor LayeredNetwork::forward(const at::Tensor& x, const at::Tensor& t) const {
  require_network_input(*this, x, t, "LayeredNetwork::forward");
  WholeExecution run;
  const at::Tensor in = prefers_channels_last(x) ? channels_last(x) : x;
  return through(run, {.tensor = in}, t).tensor.contiguous();
}

}  // namespace recon
