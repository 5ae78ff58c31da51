#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "operators/operator.h"
#include "recon/solvers/context.h"

namespace recon {

/// A data step that also couples the slices of a volume [C, D, H, W], by total variation along z:
///
///     argmin_x 1/2 ||y - A x||² + rho/2 ||x - c||² + noise_std² weight TV_z(x),   TV_z(x) = sum |x_{z+1} - x_z|
///
/// by the alternating direction method of multipliers with D_z x = d split off (Chung et al. 2023, "Solving 3D inverse
/// problems using pre-trained 2D diffusion models", where the step has no term in c; Boyd et al. 2011 for the method):
///
///     (A^H A + rho + p D_z^T D_z) x = A^H y + rho c + p D_z^T (d - u)      conjugate gradients from the last x
///     d = shrink(D_z x + u, noise_std² weight / p),   u += D_z x - d
///
/// with p = noise_std² weight / 0.05: the threshold is a typical difference of neighbours on [-1, 1], which p only has
/// the size of. The term is that of a prior exp(-weight TV_z(x)), beside ||y - A x||² / (2 noise_std²). d and u go on
/// from step to step, as in the paper.
class SliceCoupling {
 public:
  struct Options {
    double weight = 1.5;          ///< in 1 / units of the prior
    std::int64_t iterations = 1;  ///< per data step; the split goes on from step to step
    double tolerance = 1e-3;      ///< of conjugate gradients
    std::int64_t max_inner = 50;  ///< conjugate gradient steps at most, per iteration
  };
  /// Keeps references. Throws UnsuitableOperator for operators on images.
  SliceCoupling(SolverContext& context, const LinearOperator& op, const Options& options);

  /// The step for the center c and rho, `[batch]`.
  at::Tensor step(const at::Tensor& center, const at::Tensor& rho);

 private:
  SolverContext& context_;
  const LinearOperator& op_;
  Options options_;
  at::Tensor noise_;         ///< `[batch]`, float64
  at::Tensor back_;          ///< A^H y
  at::Tensor split_, dual_;  ///< d, u
};

}  // namespace recon
