#pragma once

#include <cstdint>

#include "priors/prior.h"

namespace recon {

/// A prior whose images may be mirrored or turned (Prior::symmetry()), with a denoiser that treats them so on average.
///
///     D(x_t) = g^-1 D_i(g x_t),   J^T v = g^-1 J_i^T (g v)   (g is orthogonal)
///
/// with one g of the group at each noise level. D of a set that is invariant under the group commutes with it; a
/// trained network does so only roughly, and the part of its error that does not would push the image the same way at
/// every step of a walk. With another g at each level these errors differ, and most of them cancel: the random
/// transformation of Terris et al. 2024 ("Equivariant plug-and-play image reconstruction", section 3.2), which DPIR has
/// in turn (Zhang et al. 2021, section 4.2). It costs nothing. The level alone decides g, so that the denoiser is a
/// function of its arguments.
///
/// Where an image lies in a larger one (of_parts()), it is the whole that is mirrored or turned.
class EquivariantPrior final : public Prior {
 public:
  /// The domain is inner's. Throws Error(internal) for an inner prior without a symmetry.
  explicit EquivariantPrior(PriorPtr inner);

  double denoising_mse(double relative_sigma) const override { return inner_->denoising_mse(relative_sigma); }
  double max_relative_sigma() const override { return inner_->max_relative_sigma(); }
  at::Tensor power_spectrum(std::int64_t height, std::int64_t width) const override {
    return inner_->power_spectrum(height, width);
  }
  std::int64_t most_at_once(std::int64_t height, std::int64_t width, bool with_pullback) const override {
    return inner_->most_at_once(height, width, with_pullback);
  }
  bool learns_variance() const override { return inner_->learns_variance(); }
  ImageSymmetry symmetry() const override { return inner_->symmetry(); }
  void require_knows(const LinearMeasurement& y) const override { inner_->require_knows(y); }
  std::shared_ptr<const Prior> of_parts(const std::vector<ImagePlace>& places) const override;

 private:
  /// As it is: the measurement does not turn with the image.
  at::Tensor do_denoise_given(const at::Tensor& x_t, const NoiseLevel& level,
                              const LinearMeasurement& y) const override {
    return inner_->denoise_given(x_t, level, y);
  }
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override;
  Linearized do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const override;
  DenoisedWithVariance do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const override;

  PriorPtr inner_;
  std::vector<ImagePlace> places_;  ///< of the images of a batch; empty: they are whole
  bool rows_, transposed_;          ///< whether rows may be reversed, and exchanged with columns
};

}  // namespace recon
