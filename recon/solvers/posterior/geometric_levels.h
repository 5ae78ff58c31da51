#pragma once

#include <cmath>
#include <cstdint>

namespace recon {

/// The k-th of `count` values from `first` to `last` in equal ratios; the last where there is one only.
inline double geometric_level(double first, double last, std::int64_t k, std::int64_t count) {
  const double share = count > 1 ? static_cast<double>(k) / static_cast<double>(count - 1) : 1;
  return std::pow(first, 1 - share) * std::pow(last, share);
}

}  // namespace recon
