#include "priors/power_spectrum.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr std::int64_t kRings = 16;
constexpr std::int64_t kSmallestSide = 8;

/// Cycles per pixel at each entry of at::fft_fft2, `[height, width]`.
at::Tensor radial_frequencies(std::int64_t height, std::int64_t width) {
  const at::Tensor rows = at::fft_fftfreq(height, 1.0, at::kDouble).unsqueeze(1);
  const at::Tensor columns = at::fft_fftfreq(width, 1.0, at::kDouble).unsqueeze(0);
  return (rows.square() + columns.square()).sqrt();
}

}  // namespace

PowerSpectrum measured_power_spectrum(const at::Tensor& images) {
  if (!images.defined() || images.dim() != 4) {
    throw internal_error("power spectrum", "expected images [N, C, H, W], got {}",
                         images.defined() ? to_string(shape_of(images)) : "none");
  }
  if (std::min(images.size(2), images.size(3)) < kSmallestSide) return {};
  const std::int64_t height = images.size(2), width = images.size(3);
  const at::Tensor window = at::outer(at::hann_window(height, at::kDouble), at::hann_window(width, at::kDouble));
  const at::Tensor x = images.to(at::kCPU, at::kDouble);
  const at::Tensor weighed = (x - x.mean()) * (window / window.square().mean().sqrt());
  const at::Tensor power =
      at::fft_fft2(weighed).abs().square().flatten(0, 1).mean(0) / static_cast<double>(height * width);
  const at::Tensor frequency = radial_frequencies(height, width);
  const double lowest = 1.0 / static_cast<double>(std::min(height, width)), highest = frequency.max().item<double>();
  // The Hann window spreads each frequency over its neighbours: the mean of the image, too. The first ring is what the
  // lowest frequencies share.
  const at::Tensor ring =
      ((frequency.clamp_min(1e-9) / lowest).log() * (static_cast<double>(kRings) / std::log(highest / lowest)))
          .floor()
          .clamp(-1, kRings - 1);
  PowerSpectrum spectrum;
  for (std::int64_t i = 0; i < kRings; ++i) {
    const at::Tensor inside = ring == static_cast<double>(i);
    if (!inside.any().item<bool>()) continue;
    const double mean_power = power.masked_select(inside).mean().item<double>();
    if (!(mean_power > 0)) return {};
    spectrum.emplace_back(std::exp(frequency.masked_select(inside).log().mean().item<double>()), mean_power);
  }
  return spectrum;
}

at::Tensor on_frequencies(const PowerSpectrum& spectrum, std::int64_t height, std::int64_t width) {
  if (spectrum.empty()) return {};
  const at::Tensor frequency = radial_frequencies(height, width).clamp_min(spectrum.front().first).log();
  at::Tensor log_power = at::full_like(frequency, std::log(spectrum.front().second));
  for (std::size_t i = 1; i < spectrum.size(); ++i) {
    const double from = std::log(spectrum[i - 1].first), to = std::log(spectrum[i].first);
    const double change = std::log(spectrum[i].second / spectrum[i - 1].second);
    log_power += ((frequency - from) / (to - from)).clamp(0, 1) * change;
  }
  return log_power.exp();
}

}  // namespace recon
