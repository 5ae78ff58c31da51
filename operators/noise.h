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

/// Variance per real component, broadcastable to `y` [batch, range...]. For poisson it is estimated from the data,
/// max(y, 1/peak) / peak, plus std² of the read noise if there is any (the weighted least squares of Chung et al.
/// 2023, Algorithm 2, up to their factor 2), so that chi² = sum |r|²/variance / m has expectation about 1; less in
/// the dark, where read noise above 0 counts as photons (0.94 for 12 photons of read noise, 0.78 for 3). none:
/// Error(usage), there is nothing to weigh by.
at::Tensor noise_variance(const Noise& noise, const at::Tensor& y);

}  // namespace recon
