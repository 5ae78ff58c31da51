#include "recon/solvers/posterior/mcg.h"

#include <ATen/ATen.h>

#include "recon/solvers/context.h"

namespace recon {
namespace {

constexpr const char* mcg_stream = "mcg";

}  // namespace

void Mcg::visit(ParameterVisitor& v) {
  v.choice("method", method, "gradient and projection, or the projection alone (score-SDE, ILVR)");
  v.field("step_size", step_size, "method mcg: what multiplies the gradient of ||y - A D||", {.min = 0});
  sampling.visit(v);
}

at::Tensor Mcg::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver mcg");
  at::Tensor residual_squares, likelihood_gradient;  // of the last denoised image; J^T A^H r
  const auto denoise = [&](const at::Tensor& x_t, const NoiseLevel& level) {
    if (method == Method::projection) {
      const at::Tensor x0 = context.denoise(x_t, level);
      residual_squares = squared_norms(context.residual(x0));
      return x0;
    }
    const Linearized denoised = context.linearize(x_t, level);
    const at::Tensor r = context.residual(denoised.x0);
    residual_squares = squared_norms(r);
    likelihood_gradient = denoised.pullback(context.vjp(denoised.x0, r));
    return denoised.x0;
  };
  const auto meet_data = [&](SamplerStep& step) {
    if (likelihood_gradient.defined()) {
      step.x = step.x + likelihood_gradient * per_item(step_size / residual_squares.sqrt().clamp_min(1e-30), step.x);
    }
    step.x = step.x + context.operate([&] {
      const at::Tensor z = step.next.sigma * context.normal("mcg data", step.done);
      return op->pseudo_inverse(step.next.alpha * context.y() + op->apply(z - step.x));
    });
    return GuidedSampler::Judged{.residual_squares = residual_squares};
  };
  return sampling.sample(context, sampling.levels(context), mcg_stream, denoise, meet_data);
}

}  // namespace recon
