#include "recon/core/noise.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"

namespace recon {

double Noise::std_of(std::size_t item) const {
  if (!has_std() || std.empty()) throw usage_error("noise", "{} noise has no std", to_string(type));
  if (std.size() == 1) return std[0];
  if (item >= std.size()) throw usage_error("noise", "no std for item {}: {} are given", item, std.size());
  return std[item];
}

std::string Noise::fault(std::int64_t items, ScalarKind data) const {
  if (has_std()) {
    if (std.size() != 1 && static_cast<std::int64_t>(std.size()) != items) {
      return fmt::format("expected one std, or one per item ({}), got {}", items, std.size());
    }
    const auto wrong = std::find_if(std.begin(), std.end(), [](double s) { return !std::isfinite(s) || s < 0; });
    if (wrong != std.end()) return fmt::format("expected std >= 0, got {}; correct it", *wrong);
  }
  if (!counts_photons()) return "";
  if (!std::isfinite(peak) || peak <= 0) {
    return fmt::format("expected peak > 0 (photons at intensity 1) for {} noise, got {}; correct it", to_string(type),
                       peak);
  }
  if (data == ScalarKind::complex) {
    return fmt::format("{} noise counts photons and needs real data, these are complex; use gaussian", to_string(type));
  }
  return "";
}

NoiseType noise_type_from(const std::string& text) {
  if (const auto type = find_word<NoiseType>(text)) return *type;
  throw data_error("noise", "expected type {}, got '{}'", alternatives(all_words<NoiseType>()), text);
}

std::string std_map_fault(const at::Tensor& std_map) {
  if (std_map.is_complex() || !std_map.is_floating_point()) {
    return fmt::format("expected real standard deviations, got {}", c10::toString(std_map.scalar_type()));
  }
  if (const auto wrong = (std_map <= 0).sum().item<std::int64_t>(); wrong > 0) {
    return fmt::format("expected standard deviations > 0 (NaN or inf where nothing was measured), got {} that are not",
                       wrong);
  }
  return at::isfinite(std_map).any().item<bool>() ? "" : "expected a measured entry at least, got none";
}

double typical_std(const at::Tensor& std_map) {
  const at::Tensor measured = std_map.masked_select(at::isfinite(std_map)).to(at::kDouble);
  return 1 / std::sqrt(measured.square().reciprocal().mean().item<double>());
}

}  // namespace recon
