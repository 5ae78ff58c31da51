#include "recon/solvers/posterior/spectral_data.h"

#include <ATen/ATen.h>

#include "operators/unsuitable_operator.h"

namespace recon {

at::Tensor SpectralData::interpolated(const at::Tensor& c, const at::Tensor& share) const {
  return c + (share * measured) * (y - c);
}

SpectralData spectral_data(SolverContext& context, const std::string& solver) {
  const LinearOperatorPtr op = as_linear(context.problem().op, solver);
  const std::optional<SpectralForm> form = op->spectral();
  if (!form) {
    throw UnsuitableOperator(solver, "expected an operator with a spectral form, got {}; use pigdm, diffpir or dps",
                             op->name());
  }
  SpectralData data{.form = *form, .measured = {}, .y = {}, .noise_ratio = {}};
  context.operate([&] {
    const at::Tensor c = form->analyze(op->adjoint(context.y()));
    const at::Tensor e = form->eigenvalues(c);
    const double cutoff = real_dtype(e) == at::kDouble ? 1e-10 : 1e-6;
    data.measured = e > cutoff * e.max();
    const at::Tensor inverse = at::where(data.measured, e.reciprocal(), at::zeros_like(e));
    data.noise_ratio = inverse.sqrt();
    return data.y = c * inverse;
  });
  return data;
}

}  // namespace recon
