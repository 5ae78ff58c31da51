#include "recon/solvers/posterior/posterior_denoiser.h"

#include <ATen/ATen.h>

#include "recon/core/per_entry.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/linear_measurement.h"

namespace recon {
namespace {

constexpr const char* posterior_denoiser_stream = "posterior_denoiser";

}  // namespace

at::Tensor PosteriorDenoiser::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver posterior_denoiser");
  LinearMeasurement y;
  context.operate([&] {
    y = linear_measurement({op}, context.y(), host_values(noise_variances(context).sqrt()));
    return y.backprojected;
  });
  context.prior().require_knows(y);
  const auto denoise = [&](const at::Tensor& x_t, const NoiseLevel& level) {
    return context.denoise_given(x_t, level, y);
  };
  return sampling.sample(context, sampling.levels(context), posterior_denoiser_stream, denoise,
                         [&](SamplerStep& step) -> GuidedSampler::Judged {
                           return {.residual_squares = squared_norms(context.residual(step.x0))};
                         });
}

}  // namespace recon
