#include "recon/pipeline/solve/ambiguities.h"

#include <ATen/ATen.h>

#include "operators/fourier/fft.h"

namespace recon {

at::Tensor nearest_equivalent(const at::Tensor& x, const at::Tensor& truth) {
  const std::int64_t width = x.size(3);
  at::Tensor best, best_match;
  for (const at::Tensor& turned : {x, at::flip(x, {2, 3}).conj().resolve_conj()}) {
    // All have the same length, so the nearest has the largest correlation with the truth, at any phase.
    const at::Tensor spectrum = fft2_centred(truth) * fft2_centred(turned).conj();
    const at::Tensor correlation = ifft2_centred(spectrum.resolve_conj()).sum(1).flatten();
    const std::int64_t at = correlation.abs().argmax().item<std::int64_t>();
    const at::Tensor match = correlation[at];
    if (best.defined() && (match.abs() <= best_match.abs()).item<bool>()) continue;
    best_match = match;
    const at::Tensor shifted = at::roll(turned, {at / width - x.size(2) / 2, at % width - width / 2}, {2, 3});
    best = shifted * (x.is_complex() ? at::sgn(match) : at::sgn(at::real(match)));
  }
  return best;
}

}  // namespace recon
