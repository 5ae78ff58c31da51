#include "recon/solvers/classical/count_thinning.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace recon {

at::Tensor half_of_counts(const at::Tensor& counts, std::uint64_t seed, const std::vector<StreamKey>& keys) {
  constexpr double one_by_one = 32;  // bits of a draw
  const at::Tensor whole = resolved(counts.to(at::kCPU, at::kDouble));
  const TensorSpec spec = spec_of_item(whole);
  const at::Tensor bits = Rng(seed, "count thinning").uniform(keys, 0, spec);
  const at::Tensor normal = Rng(seed, "count thinning").normal(keys, 1, spec, whole.options());
  const at::Tensor half = at::empty_like(whole);
  const double *k = whole.const_data_ptr<double>(), *u = bits.const_data_ptr<double>(),
               *z = normal.const_data_ptr<double>();
  double* out = half.data_ptr<double>();
  for (std::int64_t i = 0; i < whole.numel(); ++i) {
    const double count = std::max(k[i], 0.0), photons = std::floor(count + 1e-4);
    double taken = 0;
    if (photons <= one_by_one) {
      const auto mask = (std::uint64_t{1} << static_cast<unsigned>(photons)) - 1;
      taken = std::popcount(static_cast<std::uint64_t>(u[i] * 0x1p32) & mask);
    } else {
      taken = std::clamp(std::round(photons / 2 + std::sqrt(photons) / 2 * z[i]), 0.0, photons);
    }
    out[i] = taken + (count - photons) / 2;
  }
  return half.to(counts.options());
}

}  // namespace recon
