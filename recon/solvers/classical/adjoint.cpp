#include "recon/solvers/classical/adjoint.h"

#include <ATen/ATen.h>

#include "recon/solvers/context.h"

namespace recon {

at::Tensor fitted_adjoint(SolverContext& context, const LinearOperator& op) {
  return context.operate([&] {
    const at::Tensor image = op.adjoint(context.y());
    const at::Tensor data = op.apply(image), energy = squared_norms(data);
    const at::Tensor gain = real_inner(context.y(), data) / at::where(energy > 0, energy, at::ones_like(energy));
    return image * per_item(gain, image);
  });
}

void Adjoint::visit(ParameterVisitor& v) {
  v.choice("scale", scale, "brightness: fitted to the data per image, or that of A^H y");
}

at::Tensor Adjoint::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver adjoint");
  if (scale == Scale::fit) return fitted_adjoint(context, *op);
  return context.operate([&] { return op->adjoint(context.y()); });
}

}  // namespace recon
