#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "priors/covariance.h"
#include "priors/gaussian_prior.h"
#include "priors/mse_table.h"
#include "priors/prior.h"
#include "recon/core/rng.h"

namespace recon {

/// One Gaussian of a mixture.
struct MixtureComponent {
  double weight = 1;      ///< > 0; the weights are normalised to sum 1
  at::Tensor mean;        ///< [C, H, W]
  Covariance covariance;  ///< of the same image shape
};

/// The exact posterior of an image given one y = A x + n under a mixture: again a mixture.
struct MixturePosterior {
  at::Tensor weights;                         ///< `[batch, K]`, float64
  std::vector<GaussianPosterior> components;  ///< of each component; means `[batch, C, H, W]`
  at::Tensor mean;                            ///< `[batch, C, H, W]`
  at::Tensor std;                             ///< `[batch, C, H, W]`, marginal
};

/// The prior sum_k w_k N(mean_k, Sigma_k): an oracle that is not Gaussian, with an exact denoiser at every noise level.
///
/// E[x_0 | x_t] = sum_k p(k | x_t) E[x_0 | x_t, k], where p(k | x_t) ~ w_k N(x_t; alpha mean_k, alpha² Sigma_k + sigma²
/// I). Computes in the precision and on the device of its input; differentiable.
class GaussianMixturePrior final : public Prior {
 public:
  /// Throws Error(data) for no component, unequal shapes or a weight that is not positive.
  explicit GaussianMixturePrior(std::vector<MixtureComponent> components,
                                NoiseSchedule schedule = NoiseSchedule::vp_linear(), double low = -1, double high = 1);

  /// p(k | x_t), `[batch, K]`.
  at::Tensor responsibilities(const at::Tensor& x_t, const NoiseLevel& level) const;
  /// log p_t(x_t) per item, `[batch]`. Differentiable; sigma > 0.
  at::Tensor log_density(const at::Tensor& x_t, const NoiseLevel& level) const;
  /// One draw per key, `[keys, C, H, W]`; `like` gives precision and device.
  at::Tensor sample(const Rng& rng, const std::vector<StreamKey>& keys, const at::TensorOptions& like) const;

  /// Mean posterior variance per pixel. It has no closed form: the Monte Carlo mean, over 32 fixed draws of x_t from
  /// each component, of the exact Var[x_0 | x_t], tabulated.
  double denoising_mse(double relative_sigma) const override { return mse_table_.at(relative_sigma); }

  /// The posterior given y = A x + n; arguments as of gaussian_posterior.
  MixturePosterior posterior(const at::Tensor& matrix, const at::Tensor& y, double noise_std) const;

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override;
  at::Tensor joint_log_density(const at::Tensor& x_t, const NoiseLevel& level) const;
  double measured_mse(double relative_sigma) const;

  std::vector<double> weights_;  ///< normalised
  std::vector<std::unique_ptr<const GaussianPrior>> components_;
  MseTable mse_table_;
};

}  // namespace recon
