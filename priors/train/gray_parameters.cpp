#include "priors/train/gray_parameters.h"

#include <ATen/ATen.h>

namespace recon {

GrayParameters::GrayParameters(const std::vector<NamedTensor>& colour) : colour_(colour, c10::kCPU) {}

at::Tensor GrayParameters::get(const std::string& name, const Shape& shape) {
  Shape wide = shape;
  if (name == "conv_in.weight") {
    wide[1] *= 3;
    return colour_.get(name, wide).unflatten(1, {3, shape[1]}).sum(1);
  }
  if (name == "conv_out.weight" || name == "conv_out.bias") {
    wide[0] *= 3;
    return colour_.get(name, wide).unflatten(0, {3, shape[0]}).mean(0);
  }
  return colour_.get(name, shape);
}

}  // namespace recon
