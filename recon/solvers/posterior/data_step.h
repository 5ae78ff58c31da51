#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "operators/operator.h"
#include "recon/solvers/context.h"

namespace recon {

/// How well conjugate gradients solve for one data step where the operator has no closed form: the next step corrects
/// what is left.
inline constexpr IterativeSolve kDataStepAccuracy{.tolerance = 1e-5, .max_iterations = 50};

/// Noise variances `[batch]`, float64, not below the floor that noise-free data get: a noise of 1e-3 of half the
/// prior's range, which keeps (A^H A + noise / variance)^-1 solvable in single precision.
at::Tensor noise_variances(const SolverContext& context);

/// argmin_x ||y - A x||² + rho ||x - center||² = center + (A^H A + rho)^-1 A^H (y - A center), rho `[batch]` > 0.
at::Tensor data_prox(SolverContext& context, const LinearOperator& op, const at::Tensor& center, const at::Tensor& rho);

/// A data step as the loops of diffpir and plug_and_play call it: data_prox(), or what takes its place
/// (slice_coupling.h).
using DataProx = std::function<at::Tensor(const at::Tensor& center, const at::Tensor& rho)>;

/// What the data alone say: the Tikhonov image A^H (A A^H + noise / s)^-1 y, which takes the image as white with the
/// denoiser's error at the relative sigma `r` (at least 1e-4) as its variance s. A start for sampling that begins at r.
at::Tensor tikhonov_image(SolverContext& context, const LinearOperator& op, double r);

}  // namespace recon
