#include "recon/solvers/posterior/diffusion_mbir.h"

#include <ATen/ATen.h>

#include "operators/unsuitable_operator.h"
#include "recon/core/error.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/diffpir.h"
#include "recon/solvers/posterior/plug_and_play.h"
#include "recon/solvers/volumes.h"

namespace recon {

void DiffusionMbir::visit(ParameterVisitor& v) {
  v.choice("loop", loop, "what goes on around the coupled data step: the loop of diffpir, or that of plug_and_play");
  v.choice("noise", noise, "of the loop of diffpir: a draw for each slice, or one for all slices of a volume");
  v.field("steps", steps, "network steps", {.min = 1});
  v.field("weight", coupling.weight, "of total variation along z, in 1 / units of the prior",
          {.min = 0, .open_min = true});
  v.field("coupling_iterations", coupling.iterations, "iterations of a data step", {.min = 1});
  v.field("lambda", lambda, "weight of the prior against the data; 1 is its Bayesian value",
          {.min = 0, .open_min = true});
  v.field("start_relative_sigma", start_relative_sigma, "noise level to start from, in units of the prior",
          {.min = 0, .open_min = true});
}

at::Tensor DiffusionMbir::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver diffusion_mbir");
  if (!is_of_volumes(*op)) {
    throw UnsuitableOperator("solver diffusion_mbir", "couples the slices of volumes [C, D, H, W], got {}; use {}",
                             op->domain().to_string(), loop == Loop::diffpir ? "diffpir" : "plug_and_play");
  }
  SliceCoupling slices(context, *op, coupling);
  const DataProx prox = [&](const at::Tensor& center, const at::Tensor& rho) { return slices.step(center, rho); };
  at::Tensor x;
  if (loop == Loop::diffpir) {
    DiffPir around;
    around.steps = steps;
    around.lambda = lambda;
    around.start_relative_sigma = start_relative_sigma;
    x = around.run_with(context, *op, prox, [&](std::int64_t step) {
      const at::Tensor z = DiffPir::independent_noise(context, step);
      return noise == Noise::shared ? z.narrow(2, 0, 1).expand_as(z).contiguous() : z;
    });
  } else {
    if (noise == Noise::shared) {
      throw usage_error("solver diffusion_mbir.noise", "shared is for loop: diffpir; plug_and_play draws no noise");
    }
    PlugAndPlay around;
    around.steps = steps;
    around.lambda = lambda;
    around.start_relative_sigma = start_relative_sigma;
    x = around.run_with(context, *op, prox);
  }
  context.report().weight.assign(static_cast<std::size_t>(context.batch()), coupling.weight);
  return x;
}

}  // namespace recon
