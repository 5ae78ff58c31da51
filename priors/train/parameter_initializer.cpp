#include "priors/train/parameter_initializer.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {

at::Tensor ParameterInitializer::get(const std::string& name, const Shape& shape) {
  const std::size_t dot = name.rfind('.');
  const std::string layer = name.substr(0, dot), leaf = name.substr(dot + 1);
  const StreamKey key{stable_hash(name), 0};
  if (name == "time_proj.weight") {
    constexpr double fourier_scale = 16;
    return rng_.normal({key}, 0, {shape, ScalarKind::real}, at::kFloat)[0] * fourier_scale;
  }
  if (leaf == "weight") {
    layer_ = layer;
    bound_ = 0;
    if (shape.size() == 1) return at::ones(shape, at::kFloat);  // a norm
    if (layer == "conv_out") return at::zeros(shape, at::kFloat);
    const double fan_in = static_cast<double>(TensorSpec{shape}.numel() / shape.front());
    bound_ = 1 / std::sqrt(fan_in);
  } else if (leaf != "bias" || layer != layer_) {
    throw internal_error("ParameterInitializer", "cannot tell how to draw '{}'", name);
  }
  if (bound_ == 0) return at::zeros(shape, at::kFloat);
  return ((2 * rng_.uniform({key}, 0, {shape, ScalarKind::real})[0] - 1) * bound_).to(at::kFloat);
}

}  // namespace recon
