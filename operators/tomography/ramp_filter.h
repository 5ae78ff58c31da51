#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "operators/fourier/half_spectrum.h"
#include "operators/inverse_filter.h"
#include "recon/core/device_constant.h"

// Private to tomography: the ramp filter of projections.
namespace recon {

/// Kak & Slaney 1988, eq. 3.61 for a spacing of 1, around a circle of that length.
inline at::Tensor sampled_ramp(std::int64_t length) {
  at::Tensor ramp = at::zeros({length}, at::kDouble);
  auto* h = ramp.data_ptr<double>();
  h[0] = 0.25;
  for (std::int64_t n = 1; n < length; n += 2) {
    const auto distance = static_cast<double>(std::min(n, length - n));
    h[n] = -1 / (std::numbers::pi * std::numbers::pi * distance * distance);
  }
  return ramp;
}

/// Filters projections [..., views, bins], padded to twice their bins: `ramp` [bins + 1] is the filter's transform, and
/// that of a view is ramp * weight * gain(frequency, ramp * weight, weight), the frequency in units of the highest.
template <class Gain>
DataFilter filter_of_views(const at::Tensor& ramp, const std::vector<double>& weight_rad, Gain gain) {
  const std::int64_t bins = ramp.numel() - 1, length = 2 * bins, views = std::ssize(weight_rad);
  std::vector<at::Tensor> rows;  // computed once for views of one weight
  for (std::size_t view = 0; view < weight_rad.size(); ++view) {
    const double weight = weight_rad[view];
    const auto known = std::find_if(weight_rad.begin(), weight_rad.end(), [&](double other) {
      return std::abs(other - weight) <= 1e-9 * weight;  // equal but for the rounding of their angles
    });
    const auto first = static_cast<std::size_t>(known - weight_rad.begin());
    if (first < view) {
      rows.push_back(rows[first]);
      continue;
    }
    rows.push_back(ramp.clone());
    auto* values = rows.back().data_ptr<double>();
    for (std::int64_t k = 0; k <= bins; ++k) {
      const double filter = values[k] * weight;
      values[k] = filter * gain(static_cast<double>(k) / static_cast<double>(bins), filter, weight) /
                  static_cast<double>(length);
    }
  }
  const DeviceConstant multiplier(at::stack(rows).unsqueeze(1));  // [views, 1, frequencies]
  return [multiplier, bins, views, length](const at::Tensor& y) {
    const at::Tensor padded = at::constant_pad_nd(y, {0, length - bins}).view({y.size(0), -1, views, 1, length});
    return apply_circulant(padded, multiplier.like(y)).squeeze(-2).narrow(-1, 0, bins).contiguous();
  };
}

}  // namespace recon
