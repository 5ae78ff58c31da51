#include "recon/solvers/posterior/slice_coupling.h"

#include <ATen/ATen.h>

#include "operators/conjugate_gradient.h"
#include "operators/unsuitable_operator.h"
#include "recon/core/per_entry.h"
#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/volumes.h"

namespace recon {
namespace {

constexpr double kTypicalDifference = 0.05;  ///< of neighbours, on [-1, 1]; it sets the pace, not the limit

}  // namespace

SliceCoupling::SliceCoupling(SolverContext& context, const LinearOperator& op, const Options& options)
    : context_(context), op_(op), options_(options) {
  if (!is_of_volumes(op)) {
    throw UnsuitableOperator("coupling of slices", "needs volumes [C, D, H, W], got {}; use diffpir or plug_and_play",
                             op.domain().to_string());
  }
  noise_ = noise_variances(context);
  back_ = context.operate([&] { return op.adjoint(context.y()); });
}

at::Tensor SliceCoupling::step(const at::Tensor& center, const at::Tensor& rho) {
  const at::Tensor penalty = per_item(noise_ * (options_.weight / kTypicalDifference), center);
  const at::Tensor tie = per_item(rho, center);
  if (!split_.defined()) {
    split_ = slice_difference(center);
    dual_ = at::zeros_like(split_);
  }
  const auto matrix = [&](const at::Tensor& x) {
    const at::Tensor data = context_.operate([&] { return op_.normal(x); });
    return data + tie * x + penalty * slice_difference_adjoint(slice_difference(x));
  };
  const IterativeSolve accuracy{.tolerance = options_.tolerance, .max_iterations = options_.max_inner};
  at::Tensor x = center;
  for (std::int64_t i = 0; i < options_.iterations; ++i) {
    const at::Tensor right = back_ + tie * center + penalty * slice_difference_adjoint(split_ - dual_);
    // For the way from x on: against the right side itself, which is large, an error would be taken for small.
    x = x + conjugate_gradient(matrix, right - matrix(x), {}, accuracy).x;
    const at::Tensor moved = slice_difference(x) + dual_;
    // Also of complex volumes: the length shrinks, the phase stays.
    split_ = moved * (1 - kTypicalDifference / moved.abs().clamp_min(1e-30)).clamp_min(0);
    dual_ = moved - split_;
  }
  return x;
}

}  // namespace recon
