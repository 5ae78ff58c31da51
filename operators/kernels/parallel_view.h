#pragma once

#include <cmath>
#include <cstdint>

#include "operators/kernels/pixel_range.h"
#include "recon/core/host_device.h"

namespace recon {

/// What one angle of a StripProjector (strip_projector.h) sees, in units of bins: bin j covers [j, j + 1). For CPUs and
/// GPUs; all doubles, so that many are a table of numbers.
struct ParallelView {
  double per_column, per_row, origin;  ///< a pixel's middle falls on origin + row per_row + column per_column
  double flat, outer;                  ///< half widths of the trapezoid's top and of its foot
  double top, bend;                    ///< its height, and half the slope of its flanks
  double density;                      ///< 1 / bin_px

  /// Integral of the trapezoid of area 1 up to s, without branches: one half plus the part between 0 and |s|.
  RECON_HOST_DEVICE double shadow_up_to(double s) const {
    const double r = std::abs(s), steep = outer - flat, rest = outer - r;
    const double flank = rest < 0 ? 0 : (rest > steep ? steep : rest);
    const double beyond = flank * flank * bend + (flat > r ? flat - r : 0) * top;
    return 0.5 + std::copysign(0.5 - beyond, s);
  }

  RECON_HOST_DEVICE double middle_of(std::int64_t row, std::int64_t column) const {
    return origin + static_cast<double>(row) * per_row + static_cast<double>(column) * per_column;
  }

  /// visit(bin, weight) for the bins that see a pixel.
  template <class Visit>
  RECON_HOST_DEVICE void for_each_bin(std::int64_t row, std::int64_t column, std::int64_t bins, Visit visit) const {
    const double t = middle_of(row, column);
    const auto count = static_cast<double>(bins);
    if (t + outer <= 0 || t - outer >= count) return;
    // Truncation is floor for numbers that are not negative, and no call of a function.
    const auto begin = static_cast<std::int64_t>(t > outer ? t - outer : 0);
    const auto end = static_cast<std::int64_t>(t + outer < count - 1 ? t + outer : count - 1) + 1;
    double before = shadow_up_to(static_cast<double>(begin) - t);
    for (std::int64_t j = begin; j < end; ++j) {
      const double after = shadow_up_to(static_cast<double>(j + 1) - t);
      visit(j, (after - before) * density);
      before = after;
    }
  }

  /// Whether a bin's strip is crossed by rows in few pixels each; else by columns.
  RECON_HOST_DEVICE bool along_columns(std::int64_t /*bin*/) const { return std::abs(per_column) >= std::abs(per_row); }

  /// The pixels of a row (`along_columns`), or of a column, that a bin may see.
  RECON_HOST_DEVICE PixelRange pixels(std::int64_t bin, std::int64_t line, std::int64_t count) const {
    const bool rows = along_columns(bin);
    const double start = origin + static_cast<double>(line) * (rows ? per_row : per_column);
    const double step = rows ? per_column : per_row, at = static_cast<double>(bin);
    return PixelRange::between((at - outer - start) / step, (at + 1 + outer - start) / step, count);
  }

  /// What a bin that may see a pixel makes of it.
  RECON_HOST_DEVICE double weight(std::int64_t row, std::int64_t column, std::int64_t bin) const {
    const double t = middle_of(row, column);
    return (shadow_up_to(static_cast<double>(bin + 1) - t) - shadow_up_to(static_cast<double>(bin) - t)) * density;
  }
};

}  // namespace recon
