#include "recon/solvers/classical/entry_mask.h"

#include <ATen/ATen.h>

#include "recon/core/tensor_spec.h"

namespace recon {

at::Tensor entry_mask(const std::vector<bool>& flags, const at::Tensor& like) {
  return per_item(std::vector<double>(flags.begin(), flags.end()), like) > 0.5;
}

}  // namespace recon
