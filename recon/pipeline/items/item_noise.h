#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <string>

#include "operators/operator.h"
#include "recon/core/noise.h"

namespace recon {

/// The noise of one item as solvers and chi² need it. `y` is the data less the background.
struct ItemNoise {
  double std = 0;         ///< of the whitened data; 0: noise-free or unknown
  at::Tensor variance;    ///< per real component, broadcasts to y; undefined when std is 0
  at::Tensor weights;     ///< whitening factors for y and A; undefined when the noise is white already
  Noise photons;          ///< of photons: type, peak and read noise; type none for any other
  at::Tensor background;  ///< of photons: what was taken from them, [1, range...]; undefined: nothing
  bool dim = false;       ///< a tenth of the entries expect less than 20 photons: at_prediction() matters

  /// The variance where A(x) is `predicted`: for photons that of the expected counts, otherwise `variance`.
  at::Tensor variance_at(const at::Tensor& predicted) const;
  /// Of photons: whitened by the counts that an image with the data A(x) = `predicted` expects, in place of those that
  /// the counts alone make likely.
  ItemNoise at_prediction(const at::Tensor& predicted, const at::Tensor& support) const;
};

/// `y` [1, range...], the data less the background. Gaussian: its std; with `std_map` [range...], that of every entry,
/// whitened to typical_std(). With photons: per-component variances of the
/// counts that are to be expected (operators/expected_counts.h), whitened so that a component has the standard
/// deviation `std` (the root mean square over those that have light). `support` as Operator::support();
/// `background`, what was taken from the data, broadcasts to y. None: std 0.
ItemNoise item_noise(const Noise& noise, std::size_t item, const at::Tensor& y, const at::Tensor& support = {},
                     const at::Tensor& background = {}, const at::Tensor& std_map = {});

/// The background that a config states as a number [] or shaped as one measurement, float64. Throws Error(usage) at
/// `location` for any other shape and for complex measurements.
at::Tensor background_of(const at::Tensor& stated, const TensorSpec& measurement, const std::string& location);

/// The test of the noise level by the data alone: the estimate errs to the high side, so a stated Gaussian std above
/// 1.5 times the estimate (and its uncertainty) is too high. Empty when that is not so or cannot be told.
std::string noise_level_warning(const ItemNoise& noise, const at::Tensor& y, const Operator& op);

}  // namespace recon
