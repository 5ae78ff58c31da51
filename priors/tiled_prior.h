#pragma once

#include <cstdint>
#include <vector>

#include "priors/prior.h"

namespace recon {

/// A prior that knows images of one size only, on larger ones: its denoiser on overlapping tiles, blended.
///
///     D(x_t) = sum_i w_i P_i^T D_o(P_i x_t),   J^T v = sum_i P_i^T J_o^T P_i (w_i v),   sum_i w_i = 1 at every pixel
///
/// P_i cuts tile i out; the weights fall linearly to a tile's border. Tiles overlap by a quarter of their side at
/// least, so that there are about 1.8 network pixels per pixel. The grid is another one at every noise level, so that
/// no seam stays where it was (as the random grids of Hu et al. 2024, "Learning image priors through patch-based
/// diffusion models", PaDIS); the level alone decides it, so that the denoiser is a function of its arguments.
///
/// What lies further apart than a tile, the network has not seen together: it says nothing of it. A network that sees
/// positions is told where each tile lies (Prior::of_parts()).
///
/// Tiles go through the inner prior some at a time (some_at_a_time.h). The pullback of an image of more tiles than that
/// runs their forward passes once more.
class TiledPrior final : public Prior {
 public:
  /// For images of height x width. The domain has that size, or the inner one's where it is larger. Throws
  /// Error(internal) for an inner prior of any size.
  TiledPrior(PriorPtr inner, std::int64_t height, std::int64_t width);

  double denoising_mse(double relative_sigma) const override { return inner_->denoising_mse(relative_sigma); }
  double max_relative_sigma() const override { return inner_->max_relative_sigma(); }
  at::Tensor power_spectrum(std::int64_t height, std::int64_t width) const override {
    return inner_->power_spectrum(height, width);
  }

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override;
  Linearized do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const override;

  PriorPtr inner_;
};

}  // namespace recon
