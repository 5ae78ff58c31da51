#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "recon/core/noise.h"
#include "recon/core/rng.h"

namespace recon {

/// Noisy data of `clean` [batch, range...]; one key per item. `support` is Operator::support(): where it is 0 nothing
/// is measured and no noise is added. Poisson draws: own sampler on Philox (see noise.cpp), the same numbers for any
/// batch and thread count. Throws Error(usage) for a bad std or peak and for photons on complex data.
at::Tensor with_noise(const Noise& noise, const at::Tensor& clean, const Rng& rng, const std::vector<StreamKey>& keys,
                      const at::Tensor& support = {});

/// Variance per real component, broadcastable to `expected` [batch, range...]. For photons it is that of the expected
/// value, background included: max(expected, darkest / peak) / peak, plus std² of the read noise if there is any. What
/// stands in for the unknown expectation is the caller's choice: the data themselves (the weighted least squares of
/// Chung et al. 2023, Algorithm 2, up to their factor 2) are biased where counts are few; expected_counts.h and the
/// data of an estimate A(x) are not. none: Error(usage), there is nothing to weigh by.
///
/// With `darkest` 1 a photon counts as its square where less than one is expected. By 1 / expected, the few that fall
/// where hardly any is expected would rule every sum of squares: an image of next to nothing passes then as chi² 1.
at::Tensor noise_variance(const Noise& noise, const at::Tensor& expected, double darkest = 1);

}  // namespace recon
