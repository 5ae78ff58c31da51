#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "priors/spacing.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/start.h"

namespace recon {

/// Sampling by levels whose noises are independent (Zhang et al. 2024, "Improving diffusion inverse problem solving
/// with decoupled noise annealing"): at each level t an estimate e of x_0 from x_t and the data, and at the next level
/// s
///
///     x_s = alpha_s e + sigma_s z,   z standard normal, drawn afresh
///
/// so an error made at one level is noised over at the next. The last estimate is the result.
struct DecoupledAnnealing {
  struct Estimate {
    at::Tensor x0;                ///< `[batch, C, H, W]`
    at::Tensor residual_squares;  ///< `[batch]` ||y - A x0||² for progress, or undefined
  };
  using Estimator = std::function<Estimate(const at::Tensor& x_t, const NoiseLevel& level, std::int64_t step)>;

  std::int64_t steps;
  Spacing spacing;
  const Start& start;
  const char* stream;  ///< of the noise

  at::Tensor run(SolverContext& context, const Estimator& estimator) const;
};

}  // namespace recon
