#include "recon/solvers/posterior/data_step.h"

#include <ATen/ATen.h>

namespace recon {

at::Tensor noise_variances(const SolverContext& context) {
  const ImageDomain& domain = context.prior().domain();
  const double floor = 1e-3 * (domain.high - domain.low) / 2;
  return at::tensor(context.problem().noise_std, at::kDouble).clamp_min(floor).square();
}

at::Tensor data_prox(SolverContext& context, const LinearOperator& op, const at::Tensor& center,
                     const at::Tensor& rho) {
  return context.operate([&] {
    const at::Tensor pulled = op.adjoint(context.y() - op.apply(center));
    return center + op.solve_shifted(pulled, rho, kDataStepAccuracy);
  });
}

}  // namespace recon
