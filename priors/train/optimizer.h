#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "priors/networks/parameters.h"
#include "priors/train/training_options.h"

namespace recon {

/// AdamW (Loshchilov & Hutter 2019) with clipping of the gradient's norm and a moving average of the weights.
///
///     g <- g min(1, clip / ||g||),   weights <- AdamW(weights, g, rate)
///     average <- average + (1 - d) (weights - average),   d = min(ema, (1 + step) / (10 + step))
///
/// The rising d keeps the first weights out of the average of short runs. Deterministic for a number of threads.
class Optimizer {
 public:
  /// `parameters` are updated in place; they must require grad.
  Optimizer(const std::vector<NamedTensor>& parameters, const TrainingOptions& options);

  /// One update from the gradients at a learning rate; `step` counts from 0. Returns the norm of the gradient before
  /// clipping; when that is not finite nothing is changed.
  double update(std::vector<at::Tensor> gradients, std::int64_t step, double rate);

  /// Linear warm-up over the first steps, then half a cosine down to 0 at the end of the run (Loshchilov & Hutter
  /// 2017), or constant. `share` of the run that is done: of its steps or of its time, whichever is larger.
  static double learning_rate(const TrainingOptions& options, std::int64_t step, double share);

  /// What is to be saved and restored, besides the weights: moments, their step counts, the average.
  const std::vector<NamedTensor>& state() const { return state_; }
  /// The moving average under the parameters' names; the weights themselves for ema = 0.
  const std::vector<NamedTensor>& average() const { return average_; }

 private:
  TrainingOptions options_;
  std::vector<at::Tensor> weights_;                           ///< as they are; all others as one row each
  std::vector<at::Tensor> rows_, first_, second_, averages_;  ///< rows_ of the weights; no averages for ema = 0
  std::vector<at::Tensor> counts_;
  std::vector<NamedTensor> state_, average_;
};

}  // namespace recon
