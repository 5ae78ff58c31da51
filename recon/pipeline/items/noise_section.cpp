#include "recon/pipeline/items/noise_section.h"

namespace recon {

Noise default_noise() { return {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0}; }

std::optional<Noise> read_noise(ParameterVisitor& config, const char* doc, at::Tensor& background) {
  std::optional<Noise> noise;
  for (const auto& section : config.sections("noise", doc)) {
    NoiseType type = NoiseType::gaussian;
    double std = 0.05, peak = 100;
    section->choice("type", type, "kind of noise");
    section->field("std", std, "gaussian: standard deviation per real component; poisson_gaussian: read noise",
                   {.min = 0});
    section->field("peak", peak, "poisson, poisson_gaussian: photons at intensity 1", {.min = 0, .open_min = true});
    section->array("background", background,
                   "what is measured of a black image (sky, dark current, offset): a number, or one per measurement");
    noise = Noise{.type = type, .std = {}, .peak = 0};
    if (noise->has_std()) noise->std = {std};
    if (noise->counts_photons()) noise->peak = peak;
  }
  return noise;
}

}  // namespace recon
