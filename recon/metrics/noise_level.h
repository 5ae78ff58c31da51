#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

namespace recon {

/// A noise level that was read off the data.
struct NoiseLevelEstimate {
  double std = 0;          ///< per real component, in the units of the data
  std::int64_t count = 0;  ///< numbers it rests on; its relative standard error is about 1.2 / sqrt(count) or better
  std::string method;
};

/// The standard deviation of white Gaussian noise, from one item's data alone [C, H, W].
///
/// Real data: the diagonal differences (a - b - c + d) / 2 of all 2 x 2 blocks that are measured throughout, the finest
/// diagonal band of the Haar wavelet, by their median absolute value / 0.6745 (Donoho & Johnstone 1994). Complex data
/// (centred frequencies): the tenth of the measured samples farthest from the centre, by the median of |y|² =
/// 2 ln 2 std². What the image itself has there adds to the estimate: it errs to the high side, little for blurred or
/// smooth images. `support` (Operator::support(), may be undefined) says what is measured. Nothing for other shapes, or
/// when it would rest on fewer than 100 numbers.
std::optional<NoiseLevelEstimate> estimate_noise_level(const at::Tensor& y, const at::Tensor& support);

}  // namespace recon
