#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

namespace recon {

/// A noise level that was read off the data.
struct NoiseLevelEstimate {
  double std = 0;             ///< per real component, in the units of the data; > 0
  std::int64_t count = 0;     ///< numbers it rests on
  double relative_error = 0;  ///< standard error of std over std, of sampling alone
  std::int64_t left_out = 0;  ///< entries of the support that are fill values, not data
  std::string method;

  /// "0.0198 ± 3 % (median ... of 1822 numbers; 430 exact zeros or repeated limits left out)".
  std::string to_string() const;
};

/// The standard deviation of white Gaussian noise, from one item's data alone [C, H, W].
///
/// It rests on the entries of `support` (Operator::support(), may be undefined) that are finite. Entries that are
/// exactly 0 are left out (padding, masked backgrounds: noise is never exactly 0), and so are, in real data, entries at
/// the largest or the smallest value where more than one in a thousand (and more than 8) have it, and more than twice
/// as many as have the next value: saturation, or a fill value.
///
/// Real data: the diagonal differences (a - b - c + d) / 2 of all 2 x 2 blocks that are measured throughout, the finest
/// diagonal band of the Haar wavelet, by their median absolute value / 0.6745 (Donoho & Johnstone 1994). Where values
/// are quantised so coarsely that the median is 0, a higher quantile takes its place, and where that falls below the
/// standard deviation of rounding, step / sqrt(12), it is that: noise of less than half a step cannot be told. Complex
/// data (centred frequencies): the tenth of the measured samples farthest from the centre, by the median of |y|² = 2 ln
/// 2 std². What the image itself has there adds to the estimate: it errs to the high side, little for blurred or smooth
/// images. Of volumes [C, D, H, W] and of data of slices [D, C, H, W] likewise, within the slices. Nothing for other
/// shapes, when it would rest on fewer than 100 numbers, or when those do not vary at all.
std::optional<NoiseLevelEstimate> estimate_noise_level(const at::Tensor& y, const at::Tensor& support);

}  // namespace recon
