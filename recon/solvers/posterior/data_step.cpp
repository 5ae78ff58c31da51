#include "recon/solvers/posterior/data_step.h"

#include <ATen/ATen.h>

#include "recon/core/per_entry.h"

namespace recon {
namespace {

Shape image_batch(const SolverContext& context) {
  Shape shape = context.problem().image.shape;
  shape.insert(shape.begin(), context.batch());
  return shape;
}

}  // namespace

at::Tensor noise_variances(const SolverContext& context) {
  const ImageDomain& domain = context.prior().domain();
  const double floor = 1e-3 * (domain.high - domain.low) / 2;
  return per_entry(context.problem().noise_std, context.y()).clamp_min(floor).square();
}

at::Tensor data_prox(SolverContext& context, const LinearOperator& op, const at::Tensor& center,
                     const at::Tensor& rho) {
  return context.operate([&] {
    const at::Tensor backprojected = op.adjoint(context.y() - op.apply(center));
    return center + op.solve_shifted(backprojected, rho, kDataStepAccuracy);
  });
}

at::Tensor tikhonov_image(SolverContext& context, const LinearOperator& op, double r) {
  const double variance = std::max(context.prior().denoising_mse(r), 1e-4);
  return data_prox(context, op, at::zeros(image_batch(context), context.image_options()),
                   noise_variances(context) / variance);
}

}  // namespace recon
