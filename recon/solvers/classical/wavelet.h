#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "recon/core/tensor_spec.h"
#include "recon/core/words.h"

namespace recon {

/// Daubechies' families of 2, 4 and 8 taps.
enum class WaveletFamily { haar, db2, db4 };
constexpr auto words_of(WaveletFamily) {
  using enum WaveletFamily;
  return std::to_array<Word<WaveletFamily>>({{haar, "haar"}, {db2, "db2"}, {db4, "db4"}});
}

/// A separable wavelet transform W of images `[batch, C, H, W]` or volumes `[batch, C, D, H, W]` (real or complex, each
/// channel for itself, periodic at the border) with W^T W = I.
///
/// Orthonormal filter bank (Mallat 1989; filters haar, db2 and db4 of Daubechies 1988, of 2, 4 and 8 taps): along an
/// axis, with the low-pass h and the high-pass g_n = (-1)^n h_{L-1-n},
///
///     a_k = sum_n h_n x_{2k+n},   d_k = sum_n g_n x_{2k+n},   the next level from a.
///
/// `undecimated` keeps every k (Coifman & Donoho 1995; filters h / sqrt 2, dilated by 2^j at level j): a tight frame
/// that commutes with shifts of the image, of 1 + 3 levels (volumes: 1 + 7 levels) times as many coefficients.
///
/// Levels are at most those asked for: the orthonormal transform needs an even length at each, and no level is taken
/// where the filter would be longer than the image of that level. Volumes often have few slices: rows and columns alone
/// decide on the levels, and a level is split along z as well where the slices admit it.
class Wavelet {
 public:
  /// Throws Error(usage) naming `location` when the image does not admit a single level.
  Wavelet(WaveletFamily family, std::int64_t levels, bool undecimated, const TensorSpec& image,
          const std::string& location);

  std::int64_t levels() const { return levels_; }
  /// Coefficients `[batch, K]`: per level, finest first, the detail images (of an image three: high along rows' axis,
  /// along columns' axis, along both), then the coarsest approximation.
  at::Tensor analyze(const at::Tensor& x) const;
  at::Tensor synthesize(const at::Tensor& coefficients) const;  ///< W^T, `[batch, C, H, W]`
  /// `[1, K]`: how much each coefficient counts in the penalty. 0 for the approximation; details 1 or, undecimated,
  /// 2^-(splits / 2) after so many splits along any axis: then sum |penalty c| is the mean of ||W_orthonormal x||_1
  /// over all shifts of x.
  at::Tensor penalty(const at::TensorOptions& like) const;

 private:
  struct Pair {
    at::Tensor low, high;
  };
  Pair split(const at::Tensor& x, std::int64_t axis, std::int64_t level) const;
  at::Tensor merge(const Pair& pair, std::int64_t axis, std::int64_t level) const;
  /// The axes that a level is split along.
  std::vector<std::int64_t> axes_of(std::int64_t level) const;
  Shape band_shape(std::int64_t level) const;

  std::vector<double> low_, high_;
  std::int64_t levels_ = 0, levels_along_z_ = 0;
  bool undecimated_;
  Shape image_;
};

}  // namespace recon
