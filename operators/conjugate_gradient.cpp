#include "operators/conjugate_gradient.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "recon/core/error.h"
#include "recon/core/per_entry.h"

namespace recon {
namespace {

/// numerator / denominator where `active`, otherwise 0: a stopped item takes no further step.
at::Tensor guarded_ratio(const at::Tensor& numerator, const at::Tensor& denominator, const at::Tensor& active) {
  return at::where(active, numerator / at::where(active, denominator, at::ones_like(denominator)),
                   at::zeros_like(numerator));
}

}  // namespace

ConjugateGradientResult conjugate_gradient(const std::function<at::Tensor(const at::Tensor&)>& apply_matrix,
                                           const at::Tensor& b, const at::Tensor& start,
                                           const IterativeSolve& options) {
  const c10::NoGradGuard no_grad;
  const auto matrix_times = [&](const at::Tensor& v) {
    at::Tensor product = apply_matrix(v);
    if (product.sizes() != b.sizes()) {
      throw internal_error("conjugate_gradient", "the matrix changed the shape of its argument");
    }
    return product;
  };
  at::Tensor x = start.defined() ? start.clone() : at::zeros_like(b);
  at::Tensor r = start.defined() ? b - matrix_times(x) : b.clone();
  at::Tensor p = r.clone();
  at::Tensor rho = squared_norms(r);
  const at::Tensor scale = squared_norms(b);
  const at::Tensor threshold = scale * (options.tolerance * options.tolerance);
  at::Tensor active = rho > threshold;

  ConjugateGradientResult result;
  while (result.iterations < options.max_iterations) {
    if (is_time_to_look(result.iterations, active) && !active.any().item<bool>()) break;
    const at::Tensor q = matrix_times(p);
    const at::Tensor energy = real_inner(p, q);
    // No curvature along p, as of a singular matrix or after rounding: the step would divide by it.
    active = active.logical_and(energy > 0);
    // Entries that are done take steps of length 0, so that they do not depend on what their batch still does.
    const at::Tensor step = per_item(guarded_ratio(rho, energy, active), b);
    x.addcmul_(p, step);
    r.addcmul_(q, step, -1);
    const at::Tensor rho_next = squared_norms(r);
    // The next direction is conjugate to all before it: beta = ||r'||² / ||r||².
    p.mul_(per_item(guarded_ratio(rho_next, rho, active), b)).add_(r);
    rho = rho_next;
    active = active.logical_and(rho > threshold);
    ++result.iterations;
  }
  result.x = x;
  result.relative_residual =
      at::where(scale > 0, at::sqrt(rho / at::where(scale > 0, scale, at::ones_like(scale))), at::zeros_like(scale));
  return result;
}

}  // namespace recon
