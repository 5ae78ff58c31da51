#include "priors/networks/layered_network.h"

namespace recon {

at::Tensor LayeredNetwork::forward(const at::Tensor& x, const at::Tensor& t) const {
  require_network_input(*this, x, t, "LayeredNetwork::forward");
  WholeExecution run;
  return through(run, {.tensor = x}, t).tensor;
}

}  // namespace recon
