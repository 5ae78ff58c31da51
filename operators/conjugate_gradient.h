#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "operators/iterative_solve.h"

namespace recon {

/// What conjugate gradients found, and how well.
struct ConjugateGradientResult {
  at::Tensor x;                  ///< like b
  at::Tensor relative_residual;  ///< ||b - M x|| / ||b|| per item, float64 `[batch]`; 0 for b = 0
  std::int64_t iterations = 0;   ///< of the slowest item; on a GPU up to 3 more, which change nothing
};

/// Solves M x = b for a Hermitian positive semidefinite M, one system per item of the batch (Hestenes & Stiefel 1952).
///
/// Every item has its own step lengths and stops on its own: when its residual is at most tolerance·||b||, or when the
/// search direction has no energy (b outside the range of a singular M). A stopped item is no longer changed, so its
/// result does not depend on what else is in the batch. Starting from zero, the iterates stay in the range of M: for a
/// singular but consistent system the limit is the solution of least norm.
///
/// `start` may be undefined (zero). Throws Error(internal) when M changes the shape.
ConjugateGradientResult conjugate_gradient(const std::function<at::Tensor(const at::Tensor&)>& apply_matrix,
                                           const at::Tensor& b, const at::Tensor& start, const IterativeSolve& options);

}  // namespace recon
