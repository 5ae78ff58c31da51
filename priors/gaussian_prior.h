#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "priors/covariance.h"
#include "priors/prior.h"
#include "recon/core/rng.h"

namespace recon {

/// The exact posterior N(mean, covariance) of an image given y = A x + n.
struct GaussianPosterior {
  at::Tensor mean;        ///< `[batch, C, H, W]`, float64
  at::Tensor std;         ///< `[C, H, W]`, float64: the square root of the covariance's diagonal
  at::Tensor covariance;  ///< `[n, n]`, float64; the same for every y
};

/// N(mean, covariance) given y = A x + n, n ~ N(0, noise_std² I), by the Kalman form
/// K = S A^T (A S A^T + noise_std² I)^-1, mean' = mean + K (y - A mean), S' = S - K A S, dense and in double precision.
/// `matrix` is A as real [m, n] on the flattened image (complex data: real rows, then imaginary rows), `y` [batch, m].
/// Throws Error(internal) for wrong shapes or noise_std <= 0.
GaussianPosterior gaussian_posterior(const at::Tensor& mean, const at::Tensor& covariance, const at::Tensor& matrix,
                                     const at::Tensor& y, double noise_std);

/// The prior N(mean, Sigma): an oracle whose denoiser is exact at every noise level, with closed-form posteriors.
///
/// E[x_0 | x_t] = mean + Sigma (Sigma + r² I)^-1 (x_t / alpha - mean), r = sigma / alpha.
/// Computes in the precision and on the device of its input. Its images have the one size of `mean`.
class GaussianPrior final : public Prior {
 public:
  /// `mean` is [C, H, W]. Throws Error(data) when its shape is not the covariance's.
  GaussianPrior(const at::Tensor& mean, Covariance covariance, NoiseSchedule schedule = NoiseSchedule::vp_linear(),
                double low = -1, double high = 1, std::string name = "gaussian");

  const at::Tensor& mean() const { return mean_.value(); }  ///< float64 [C, H, W]
  const Covariance& covariance() const { return covariance_; }

  void require_knows(const LinearMeasurement&) const override {}

  /// One draw per key, `[keys, C, H, W]`; `like` gives precision and device.
  at::Tensor sample(const Rng& rng, const std::vector<StreamKey>& keys, const at::TensorOptions& like) const;
  /// log p_t(x_t) per item, `[batch]`: the density of N(alpha mean, alpha² Sigma + sigma² I). Differentiable; sigma >
  /// 0.
  at::Tensor log_density(const at::Tensor& x_t, const NoiseLevel& level) const;
  /// Mean posterior variance per pixel, (1/n) sum l r² / (l + r²).
  double denoising_mse(double relative_sigma) const override;
  /// Of a stationary covariance, at its own size; otherwise undefined.
  at::Tensor power_spectrum(std::int64_t height, std::int64_t width) const override;
  /// The posterior given y = A x + n; see gaussian_posterior.
  GaussianPosterior posterior(const at::Tensor& matrix, const at::Tensor& y, double noise_std) const;

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override;
  /// x_0 | x_t is Gaussian, mean D and covariance Sigma r² (Sigma + r² I)^-1; the data condition it further.
  at::Tensor do_denoise_given(const at::Tensor& x_t, const NoiseLevel& level,
                              const LinearMeasurement& y) const override;

  DeviceConstant mean_;
  Covariance covariance_;
};

}  // namespace recon
