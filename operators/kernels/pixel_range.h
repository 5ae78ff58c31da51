#pragma once

#include <cmath>
#include <cstdint>

#include "recon/core/host_device.h"

namespace recon {

/// Pixels `first` <= i < `end` of a line of the image.
struct PixelRange {
  std::int64_t first, end;

  /// Those of 0 <= i < count whose middle lies between two places, in either order, or a rounding beside.
  RECON_HOST_DEVICE static PixelRange between(double a, double b, std::int64_t count) {
    constexpr double rounding = 1e-6;
    const double low = std::ceil((a < b ? a : b) - rounding), high = std::floor((a < b ? b : a) + rounding);
    const auto last = static_cast<double>(count - 1);
    if (!(low <= last) || !(high >= 0)) return {0, 0};
    return {static_cast<std::int64_t>(low > 0 ? low : 0), static_cast<std::int64_t>(high < last ? high : last) + 1};
  }
};

}  // namespace recon
