#pragma once

#include <cstdint>
#include <vector>

#include "priors/prior.h"
#include "recon/core/words.h"

namespace recon {

/// Which planes of a volume [C, D, H, W] are looked at: those of fixed z [H, W], of fixed y [D, W], of fixed x [D, H].
enum class SliceOrientation { axial, coronal, sagittal };
constexpr auto words_of(SliceOrientation) {
  using enum SliceOrientation;
  return std::to_array<Word<SliceOrientation>>({{axial, "axial"}, {coronal, "coronal"}, {sagittal, "sagittal"}});
}

/// A prior for images as one for volumes: it denoises the slices of a volume, which says nothing of how neighbouring
/// slices belong together.
///
/// With several orientations it is the geometric mean of the slice priors, p(x) ~ prod_o p_o(x)^(1/O), whose score is
/// the mean of the scores (Lee et al. 2023, "Improving 3D imaging with pre-trained perpendicular 2D diffusion models",
/// where the orientations take turns from step to step; here each pass sees all of them, so that the denoiser is a
/// function of its argument):
///
///     D(x_t) = (1/O) sum_o D_o(x_t),   the pullback likewise; O network passes per slice
///
/// Slices go through the inner prior some at a time (some_at_a_time.h), so that memory does not grow with the volume.
/// The pullback of a volume of more slices than that runs their forward passes once more.
class SlicesPrior final : public Prior {
 public:
  /// The domain: that of `inner` for volumes. D must be a multiple of inner's `multiple` unless all slices are axial.
  /// Throws Error(usage) for no orientation or one named twice, and for other orientations than axial where the inner
  /// prior knows one size only.
  static ImageDomain domain_of(const ImageDomain& inner, const std::vector<SliceOrientation>& orientations);

  /// Throws Error(usage) as domain_of(), and for an inner prior of volumes.
  explicit SlicesPrior(PriorPtr inner, std::vector<SliceOrientation> orientations = {SliceOrientation::axial});

  const std::vector<SliceOrientation>& orientations() const { return orientations_; }
  double denoising_mse(double relative_sigma) const override { return inner_->denoising_mse(relative_sigma); }
  double max_relative_sigma() const override { return inner_->max_relative_sigma(); }
  /// Of a slice; it says nothing of how slices go together.
  at::Tensor power_spectrum(std::int64_t height, std::int64_t width) const override {
    return inner_->power_spectrum(height, width);
  }
  /// Axial slices only: a mean of images has no variance of its own.
  bool learns_variance() const override;

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override;
  Linearized do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const override;
  DenoisedWithVariance do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const override;

  PriorPtr inner_;
  std::vector<SliceOrientation> orientations_;
};

}  // namespace recon
