#include "priors/train/gray_parameters.h"

#include <ATen/ATen.h>

namespace recon {

GrayParameters::GrayParameters(const std::vector<NamedTensor>& colour, std::int64_t others)
    : colour_(colour, c10::kCPU), others_(others) {}

at::Tensor GrayParameters::get(const std::string& name, const Shape& shape) {
  Shape wide = shape;
  if (name == "conv_in.weight") {
    const std::int64_t own = shape[1] - others_;
    wide[1] = 3 * own + others_;
    const at::Tensor weights = colour_.get(name, wide);
    const at::Tensor grey = weights.narrow(1, 0, 3 * own).unflatten(1, {3, own}).sum(1);
    return at::cat({grey, weights.narrow(1, 3 * own, others_)}, 1);
  }
  if (name == "conv_out.weight" || name == "conv_out.bias") {
    wide[0] *= 3;
    return colour_.get(name, wide).unflatten(0, {3, shape[0]}).mean(0);
  }
  return colour_.get(name, shape);
}

}  // namespace recon
