#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <string>

#include "operators/operator.h"
#include "recon/core/noise.h"

namespace recon {

/// The noise of one item as solvers and chi² need it.
struct ItemNoise {
  double std = 0;       ///< of the whitened data; 0: noise-free or unknown
  at::Tensor variance;  ///< per real component, broadcasts to y; undefined when std is 0
  at::Tensor weights;   ///< whitening factors for y and A; undefined when the noise is white already
};

/// `y` [1, range...]. Gaussian: its std. With photons: per-component variances from the data, whitened so that every
/// component has the standard deviation `std` (their root mean square). None: std 0.
ItemNoise item_noise(const Noise& noise, std::size_t item, const at::Tensor& y);

/// The test of the noise level by the data alone: the estimate errs to the high side, so a stated Gaussian std above
/// 1.5 times the estimate is too high. Empty when that is not so or cannot be told.
std::string noise_level_warning(const ItemNoise& noise, const at::Tensor& y, const Operator& op);

}  // namespace recon
