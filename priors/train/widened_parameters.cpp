#include "priors/train/widened_parameters.h"

#include <ATen/ATen.h>

namespace recon {

WidenedParameters::WidenedParameters(const std::vector<NamedTensor>& narrow, std::int64_t before)
    : narrow_(narrow), copied_(narrow, c10::kCPU), before_(before) {}

at::Tensor WidenedParameters::get(const std::string& name, const Shape& shape) {
  if (name != "conv_in.weight") return copied_.get(name, shape);
  for (const auto& [own, value] : narrow_) {
    if (own != name) continue;
    Shape further = shape;
    further[1] -= value.size(1);
    const at::Tensor weights = copied_.get(name, shape_of(value));
    const std::int64_t before = before_ < 0 ? weights.size(1) : before_;
    return at::cat({weights.narrow(1, 0, before), at::zeros(further, weights.options()),
                    weights.narrow(1, before, weights.size(1) - before)},
                   1);
  }
  return copied_.get(name, shape);  // which says that it is missing
}

}  // namespace recon
