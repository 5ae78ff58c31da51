#include "recon/solvers/posterior/decoupled_annealing.h"

#include <ATen/ATen.h>

#include <vector>

namespace recon {

at::Tensor DecoupledAnnealing::run(SolverContext& context, const Estimator& estimator) const {
  const std::vector<NoiseLevel> levels = context.prior().schedule().steps(steps, spacing, start.level(context));
  const auto total = static_cast<std::int64_t>(levels.size());
  at::Tensor x = start.image(context, levels.front(), context.normal(stream, 0));
  Estimate estimate;
  for (std::int64_t i = 0; i < total; ++i) {
    estimate = estimator(x, levels[static_cast<std::size_t>(i)], i);
    const NoiseLevel next = i + 1 < total ? levels[static_cast<std::size_t>(i + 1)] : NoiseLevel{};
    x = next.sigma > 0 ? next.alpha * estimate.x0 + next.sigma * context.normal(stream, i + 1) : estimate.x0;
    const Step step{.done = i + 1,
                    .total = total,
                    .relative_sigma = next.relative_sigma(),
                    .residual_squares = estimate.residual_squares};
    if (!context.end_step(step, x, estimate.x0)) break;
  }
  return estimate.x0;
}

}  // namespace recon
