#pragma once

#include <cstdint>

namespace recon::fftw {

/// Which transform a plan is for.
enum class Kind { forward, backward, real_to_half, half_to_real };

/// What forward and backward run along: the whole image, its rows (each by itself) or its columns.
enum class Along { both, rows, columns };

/// What an FFTW plan depends on. `aligned`: both arrays are 16-byte aligned; other plans avoid SIMD loads.
struct PlanKey {
  Kind kind = Kind::forward;
  bool double_precision = false;
  bool aligned = true;
  std::int64_t height = 0, width = 0;
  std::int64_t pitch = 0;  ///< forward and backward: complex entries from one row to the next, >= width
  int threads = 1;
  Along along = Along::both;
  auto operator<=>(const PlanKey&) const = default;
};

/// Transforms one image, unscaled. forward and backward work in place (out == in); the real kinds from `in` to a
/// distinct `out`, both without gaps between rows, and half_to_real overwrites `in`. Thread-safe; the plan is made at
/// first use and kept for the process.
void transform(const PlanKey& key, void* in, void* out);

/// Plans made so far: lets a test see that the cache works.
std::int64_t plan_count();

}  // namespace recon::fftw
