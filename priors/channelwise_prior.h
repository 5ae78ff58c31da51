#pragma once

#include <algorithm>
#include <cstdint>

#include "priors/prior.h"

namespace recon {

/// A one-channel prior applied to each channel of a C-channel image: the channels are folded into the batch, so their
/// denoiser's Jacobian is block diagonal. For RGB images, and for complex images as real and imaginary part.
///
/// Its domain is the inner prior's with `channels` = C; noise level, schedule and errors per pixel are unchanged.
class ChannelwisePrior final : public Prior {
 public:
  /// Throws Error(usage) unless the inner prior has one channel and channels >= 1.
  ChannelwisePrior(PriorPtr inner, std::int64_t channels);

  double denoising_mse(double relative_sigma) const override { return inner_->denoising_mse(relative_sigma); }
  at::Tensor power_spectrum(std::int64_t height, std::int64_t width) const override {
    return inner_->power_spectrum(height, width);
  }
  double max_relative_sigma() const override { return inner_->max_relative_sigma(); }
  std::int64_t most_at_once(std::int64_t height, std::int64_t width, bool with_pullback) const override {
    return std::max<std::int64_t>(1, inner_->most_at_once(height, width, with_pullback) / domain().channels);
  }
  bool learns_variance() const override { return inner_->learns_variance(); }

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override;
  DenoisedWithVariance do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const override;

  PriorPtr inner_;
};

}  // namespace recon
