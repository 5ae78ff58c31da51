#include "recon/pipeline/items/noise_section.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "recon/core/error.h"
#include "recon/core/noise.h"

namespace recon {

Noise default_noise() { return {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0}; }

namespace {

constexpr const char* camera_word = "camera";

void read_camera(ParameterVisitor& section, CameraNoise& camera) {
  section.field("gain_e_per_adu", camera.gain_e_per_adu, "camera: electrons per unit of the stored numbers",
                {.min = 0, .open_min = true});
  section.field("offset_adu", camera.offset_adu, "camera: what is stored where no light and no noise is (bias)");
  section.field("read_noise_e", camera.read_noise_e, "camera: standard deviation of the read noise in electrons",
                {.min = 0});
}

void read_maps(ParameterVisitor& section, NoiseSection& read) {
  at::Tensor weights;
  section.array("std_map", read.std_map,
                "gaussian: instead of std, that of every entry; NaN or inf where nothing was measured");
  section.array("weights", weights, "gaussian: the same as 1 / std^2; 0 where nothing was measured");
  section.array("covariance", read.correlation.covariance,
                "gaussian: instead of std, the covariance [K, K] between the channels (coils, bands)");
  section.array("power_spectrum", read.correlation.spectrum,
                "gaussian: instead of std, the variance [H, W] of each frequency, zero in the middle (coloured noise)");
  const int stated = static_cast<int>(weights.defined()) + static_cast<int>(read.std_map.defined()) +
                     static_cast<int>(read.correlation.covariance.defined()) +
                     static_cast<int>(read.correlation.spectrum.defined());
  if (stated > 1) {
    throw usage_error(section.location(),
                      "expected one of `std_map`, `weights`, `covariance` and `power_spectrum`, got {}", stated);
  }
  if (!weights.defined()) return;
  if ((weights < 0).any().item<bool>()) throw usage_error(section.location(), "expected `weights` of at least 0");
  read.std_map = weights.to(at::kDouble).rsqrt();
}

}  // namespace

Noise CameraNoise::in_units_of(double unit) const {
  Noise noise{.type = NoiseType::poisson, .std = {}, .peak = gain_e_per_adu / std::abs(unit)};
  if (read_noise_e > 0) {
    noise.type = NoiseType::poisson_gaussian;
    noise.std = {read_noise_e / gain_e_per_adu * std::abs(unit)};
  }
  return noise;
}

NoiseSection read_noise(ParameterVisitor& config, const char* doc) {
  NoiseSection read;
  for (const auto& section : config.sections("noise", doc)) {
    std::string word = to_string(NoiseType::gaussian);
    double std = 0.05, peak = 100;
    CameraNoise camera;
    std::vector<std::string> words = all_words<NoiseType>();
    words.emplace_back(camera_word);
    section->choice("type", word, words, "kind of noise; camera: poisson_gaussian in the words of a data sheet");
    section->field("std", std, "gaussian: standard deviation per real component; poisson_gaussian: read noise",
                   {.min = 0});
    read_maps(*section, read);
    section->field("peak", peak, "poisson, poisson_gaussian: photons at intensity 1", {.min = 0, .open_min = true});
    read_camera(*section, camera);
    section->array("background", read.background,
                   "what is measured of a black image (sky, dark current, offset): a number, or one per measurement");
    const bool mapped = read.std_map.defined() || read.correlation.defined();
    if (mapped && word != to_string(NoiseType::gaussian)) {
      throw usage_error(section->location(),
                        "`std_map`, `weights`, `covariance` and `power_spectrum` are for gaussian noise, not for {}",
                        word);
    }
    if (word == camera_word) {
      read.camera = camera;
      continue;
    }
    Noise noise{.type = from_word<NoiseType>(word, section->location()), .std = {}, .peak = 0};
    if (noise.has_std()) noise.std = {std};
    if (noise.counts_photons()) noise.peak = peak;
    read.noise = noise;
  }
  return read;
}

void require_correlation(const NoiseCorrelation& correlation, const TensorSpec& measurement,
                         const std::string& location) {
  if (!correlation.defined()) return;
  const std::string fault = correlation.fault(measurement);
  if (!fault.empty()) throw usage_error(location, "noise: {}", fault);
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
