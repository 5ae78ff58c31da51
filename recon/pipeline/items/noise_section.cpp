#include "recon/pipeline/items/noise_section.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"
#include "recon/core/noise.h"

namespace recon {

Noise default_noise() { return {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0}; }

NoiseSection read_noise(ParameterVisitor& config, const char* doc) {
  NoiseSection read;
  for (const auto& section : config.sections("noise", doc)) {
    NoiseType type = NoiseType::gaussian;
    double std = 0.05, peak = 100;
    at::Tensor weights;
    section->choice("type", type, "kind of noise");
    section->field("std", std, "gaussian: standard deviation per real component; poisson_gaussian: read noise",
                   {.min = 0});
    section->array("std_map", read.std_map,
                   "gaussian: instead of std, that of every entry; NaN or inf where nothing was measured");
    section->array("weights", weights, "gaussian: the same as 1 / std^2; 0 where nothing was measured");
    section->field("peak", peak, "poisson, poisson_gaussian: photons at intensity 1", {.min = 0, .open_min = true});
    section->array("background", read.background,
                   "what is measured of a black image (sky, dark current, offset): a number, or one per measurement");
    const bool mapped = weights.defined() || read.std_map.defined();
    if (weights.defined() && read.std_map.defined()) {
      throw usage_error(section->location(), "expected `std_map` or `weights`, not both");
    }
    if (mapped && type != NoiseType::gaussian) {
      throw usage_error(section->location(), "`std_map` and `weights` are for gaussian noise, not for {}",
                        to_string(type));
    }
    if (weights.defined()) {
      if ((weights < 0).any().item<bool>()) throw usage_error(section->location(), "expected `weights` of at least 0");
      read.std_map = weights.to(at::kDouble).rsqrt();
    }
    Noise noise{.type = type, .std = {}, .peak = 0};
    if (noise.has_std()) noise.std = {std};
    if (noise.counts_photons()) noise.peak = peak;
    read.noise = noise;
  }
  return read;
}

at::Tensor std_map_of(const at::Tensor& stated, std::int64_t count, const TensorSpec& measurement,
                      const std::string& location) {
  Shape shape = measurement.shape;
  if (stated.numel() != measurement.numel()) shape.insert(shape.begin(), count);
  if (stated.numel() != measurement.numel() && stated.numel() != count * measurement.numel()) {
    throw usage_error(location, "noise: expected a std_map or weights shaped {}, or one for each of {} items, got {}",
                      to_string(measurement.shape), count, to_string(shape_of(stated)));
  }
  at::Tensor map = stated.reshape(shape).to(at::kFloat);
  if (const std::string fault = std_map_fault(map); !fault.empty()) throw usage_error(location, "noise: {}", fault);
  return map;
}

at::Tensor std_map_of_item(const at::Tensor& std_map, std::int64_t index, const at::Tensor& y) {
  return std_map.dim() == y.dim() ? std_map : std_map[index];
}

}  // namespace recon
