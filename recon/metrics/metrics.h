#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace recon {

/// Image quality against a ground truth, per item of `[batch, C, H, W]` or, volumes, `[batch, C, D, H, W]`; computed in
/// double precision on the CPU. Complex images: nrmse is complex, psnr and ssim compare magnitudes. Different shapes or
/// fields of the two are Error(internal). `data_range` is the file's image_range high - low; Error(internal) unless it
/// is positive.

/// 10 log10(data_range² / mean (x - truth)²) in dB; infinite for equal images.
std::vector<double> psnr(const at::Tensor& x, const at::Tensor& truth, double data_range);

/// Structural similarity, Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment: from error visibility to
/// structural similarity", eq. 13: Gaussian window of 11 x 11 and sigma 1.5, K1 = 0.01, K2 = 0.03, biased covariances,
/// averaged over the pixels whose window lies inside the image and over channels. Equals scikit-image's
/// structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False). Images smaller than the
/// window have none: NaN. Of a volume: the mean over its slices.
std::vector<double> ssim(const at::Tensor& x, const at::Tensor& truth, double data_range);

/// ||x - truth|| / ||truth||; 0/0 = 0.
std::vector<double> nrmse(const at::Tensor& x, const at::Tensor& truth);

/// Reduced chi²: sum |residual|² / variance over `measured_components`, the real numbers measured per item (all of
/// them: twice the entries when complex); where nothing is measured the residual must be zero. `variance` is per real
/// component and broadcasts to `residual` [batch, range...]; 0 variance gives NaN.
std::vector<double> reduced_chi2(const at::Tensor& residual, const at::Tensor& variance,
                                 std::int64_t measured_components);

}  // namespace recon
