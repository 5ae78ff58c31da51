#include "recon/pipeline/items/item_noise.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "operators/noise.h"
#include "recon/core/tensor_spec.h"
#include "recon/metrics/noise_level.h"

namespace recon {

ItemNoise item_noise(const Noise& noise, std::size_t item, const at::Tensor& y) {
  ItemNoise result;
  switch (noise.type) {
    case NoiseType::none:
      break;
    case NoiseType::gaussian:
      result.std = noise.std_of(item);
      if (result.std > 0) result.variance = at::full({1}, result.std * result.std, y.options().dtype(real_dtype(y)));
      break;
    case NoiseType::poisson:
    case NoiseType::poisson_gaussian:
      result.variance = noise_variance(noise, y);
      result.std = std::sqrt(result.variance.mean().item<double>());
      result.weights = result.std / result.variance.sqrt();
      break;
  }
  return result;
}

std::string noise_level_warning(const ItemNoise& noise, const at::Tensor& y, const Operator& op) {
  constexpr double allowed = 1.5;
  if (!(noise.std > 0) || noise.weights.defined()) return "";
  const auto estimate = estimate_noise_level(y[0], op.support());
  if (!estimate || noise.std <= allowed * estimate->std) return "";
  return fmt::format("the noise level {:.3g} is too high: the data themselves vary by {:.3g} at most ({})", noise.std,
                     estimate->std, estimate->method);
}

}  // namespace recon
