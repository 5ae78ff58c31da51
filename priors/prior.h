#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "priors/image_place.h"
#include "priors/image_symmetry.h"
#include "priors/linear_measurement.h"
#include "priors/noise_schedule.h"
#include "priors/parameterization.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// What images a prior is about.
struct ImageDomain {
  std::int64_t channels = 1;
  std::vector<std::int64_t> fixed_size;  ///< {H, W} when the prior knows one size only; empty: any
  std::int64_t multiple = 1;             ///< height and width must be multiples of it
  double low = -1, high = 1;             ///< the value range of clean images, and the unit of every sigma
  std::int64_t slice_multiple = 0;       ///< 0: of images [C, H, W]. Else of volumes [C, D, H, W], D a multiple of it
};

/// A differentiable denoiser's value and its pullback at one x_t.
struct Linearized {
  at::Tensor x0;                                            ///< E[x_0 | x_t], detached
  std::function<at::Tensor(const at::Tensor& v)> pullback;  ///< J^T v, J = d x0 / d x_t; as often as needed
};

/// What a network with a learned variance says at one x_t (Nichol & Dhariwal 2021, eq. 15): the reverse step has the
/// variance exp(fraction log beta + (1 - fraction) log beta_tilde) per pixel, whatever step is taken.
struct DenoisedWithVariance {
  at::Tensor x0;                 ///< E[x_0 | x_t]
  at::Tensor variance_fraction;  ///< of the same shape; 0 at beta_tilde, 1 at beta
};

/// A prior over images, known through its denoiser D(x_t; level) = E[x_0 | x_t].
///
/// Works at any noise level of any schedule: a network trained on one process is used by another through
/// x_t / alpha, which depends on the relative sigma only. Immutable; safe to use from several threads.
class Prior {
 public:
  virtual ~Prior() = default;
  Prior(const Prior&) = delete;
  Prior& operator=(const Prior&) = delete;

  const std::string& name() const { return name_; }
  const ImageDomain& domain() const { return domain_; }
  /// The process the prior was trained on (closed-form priors: VP linear); solvers take their steps on it by default.
  const NoiseSchedule& schedule() const { return schedule_; }

  /// E[x_0 | x_t], `[batch, C, H, W]` (volumes: `[batch, C, D, H, W]`), no graph. At sigma = 0 it is x_t / alpha.
  at::Tensor denoise(const at::Tensor& x_t, const NoiseLevel& level) const;
  /// The same with its pullback: one forward pass that keeps what the backward pass needs.
  Linearized linearize(const at::Tensor& x_t, const NoiseLevel& level) const;
  /// Any other answer, by the table of parameterization.h from the denoiser: what a perfect network of that kind would
  /// say about x_t. No graph. Throws Error(internal) at sigma = 0, where only x0 has a meaning. F of `edm` is that of a
  /// network for data of standard deviation `sigma_data`.
  at::Tensor predict(Prediction kind, const at::Tensor& x_t, const NoiseLevel& level,
                     double sigma_data = kEdmSigmaData) const;
  /// grad log p_t(x_t) = (alpha D - x_t) / sigma² = -eps / sigma   (Tweedie). No graph; sigma > 0.
  at::Tensor score(const at::Tensor& x_t, const NoiseLevel& level) const {
    return predict(Prediction::score, x_t, level);
  }
  /// eps = (x_t - alpha D) / sigma. No graph; sigma > 0.
  at::Tensor epsilon(const at::Tensor& x_t, const NoiseLevel& level) const {
    return predict(Prediction::epsilon, x_t, level);
  }
  /// v = alpha eps - sigma D (Salimans & Ho 2022). No graph; sigma > 0. The velocities of flows are
  /// predict(Prediction::flow_to_noise) and predict(Prediction::flow_to_data).
  at::Tensor velocity(const at::Tensor& x_t, const NoiseLevel& level) const {
    return predict(Prediction::v, x_t, level);
  }
  /// True for networks that say, beside the denoised image, which variance the reverse step has.
  virtual bool learns_variance() const { return false; }
  /// D together with the learned variance, one pass. Throws Error(usage) unless learns_variance(). No graph; sigma > 0.
  DenoisedWithVariance denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const;

  /// For who denoises by x_t and a measurement together: throws Error(usage) unless this prior can, for this operator
  /// and this noise. Networks can that were trained for it, Gaussian priors for any.
  virtual void require_knows(const LinearMeasurement& y) const;
  /// E[x_0 | x_t, y], one pass; after require_knows(y). No graph; sigma > 0.
  at::Tensor denoise_given(const at::Tensor& x_t, const NoiseLevel& level, const LinearMeasurement& y) const;

  /// Mean squared error per pixel of the denoiser at this relative sigma, in squared units of domain(): the prior's
  /// card (interpolated log-log, constant beyond its ends); 0 without a table.
  virtual double denoising_mse(double relative_sigma) const = 0;
  /// Power spectrum of the clean images around their mean, in squared units of domain(): the mean of |F x|² / pixels at
  /// the frequencies of at::fft_fft2, float64 `[height, width]` or `[C, height, width]`; undefined where the prior does
  /// not know it.
  virtual at::Tensor power_spectrum(std::int64_t /*height*/, std::int64_t /*width*/) const { return {}; }
  /// Noisiest relative sigma at which the denoiser is to be trusted; loops start there.
  virtual double max_relative_sigma() const { return schedule_.max_relative_sigma(); }
  /// So many images of that size it takes at a time within its budget of memory on the CPU; of more it still gives all,
  /// slower. No limit unless it knows one.
  virtual std::int64_t most_at_once(std::int64_t /*height*/, std::int64_t /*width*/, bool /*with_pullback*/) const {
    return std::numeric_limits<std::int64_t>::max();
  }
  /// Which mirrored and turned images are as likely, of what is known (equivariant_prior.h uses it).
  virtual ImageSymmetry symmetry() const { return ImageSymmetry::none; }
  /// This prior for parts of larger images: entry i of a batch lies at places[i] of its own. Null where it is all the
  /// same to the prior.
  virtual std::shared_ptr<const Prior> of_parts(const std::vector<ImagePlace>& /*places*/) const { return nullptr; }
  /// For loops that begin with nothing but noise: throws Error(usage) when the noisiest level does not hide the images
  /// (max_relative_sigma() is below half their range), as for denoisers that were trained on weak noise only.
  void require_start_from_noise() const;

 protected:
  Prior(std::string name, ImageDomain domain, NoiseSchedule schedule)
      : name_(std::move(name)), domain_(std::move(domain)), schedule_(std::move(schedule)) {}

  /// For priors made of other priors: `inner`'s denoiser, recorded on the tape where grad mode is on. sigma > 0.
  static at::Tensor denoise_on_tape(const Prior& inner, const at::Tensor& x_t, const NoiseLevel& level) {
    return inner.do_denoise(x_t, level);
  }
  /// The denoiser with its pullback; unless there is something better, by one tape from end to end. sigma > 0.
  virtual Linearized do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const;

 private:
  /// E[x_0 | x_t] with at:: ops, recording on the tape when grad mode is on and x_t requires it. sigma > 0.
  virtual at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const = 0;

  /// Called only where learns_variance() is true.
  virtual DenoisedWithVariance do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const;

  /// Called only after require_knows(y).
  virtual at::Tensor do_denoise_given(const at::Tensor& x_t, const NoiseLevel& level, const LinearMeasurement& y) const;

  std::string name_;
  ImageDomain domain_;
  NoiseSchedule schedule_;
};

using PriorPtr = std::shared_ptr<const Prior>;

}  // namespace recon
