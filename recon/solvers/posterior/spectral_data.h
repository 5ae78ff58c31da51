#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "operators/operator.h"
#include "recon/solvers/context.h"

namespace recon {

/// A measurement in the eigenbasis of A^H A = V diag(e) V^H, where it is one number per coefficient with its own noise.
///
/// With the singular values s = sqrt(e) and A = U diag(s) V^H, the coefficients U^H y / s = V^H A^H y / e are those of
/// the image plus noise of standard deviation noise_std / s. In the half spectrum of a real image, too, when noise for
/// the coefficients is drawn as analyze(noise image): see SpectralForm.
struct SpectralData {
  SpectralForm form;
  at::Tensor measured;     ///< bool, shape of the eigenvalues: e is above the cut-off of pseudo_inverse
  at::Tensor y;            ///< `[batch, ...]` V^H A^H y / e; 0 where not measured
  at::Tensor noise_ratio;  ///< real, 1 / s; 0 where not measured

  /// Between the coefficients c of images and the data: c + share (y - c) where measured, `share` real, 0 to 1.
  at::Tensor interpolated(const at::Tensor& c, const at::Tensor& share) const;
};

/// Throws Error(usage) naming `solver` for a non-linear operator and for one without a closed form of A^H A.
SpectralData spectral_data(SolverContext& context, const std::string& solver);

}  // namespace recon
