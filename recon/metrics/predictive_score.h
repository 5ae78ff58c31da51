#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "recon/metrics/sample_spread.h"

namespace recon {

/// How well samples predict data that they were not made of.
struct PredictiveScore {
  /// Mean log density of a real component, nats; higher is better. A proper score: in expectation the true posterior
  /// has the highest (Gneiting & Raftery 2007, "Strictly proper scoring rules, prediction, and estimation", section 4).
  double log_score = 0;
  double crps = 0;      ///< in units of the data; lower is better
  double coverage = 0;  ///< share of the components inside the 90 % interval
  double chi2 = 0;      ///< mean square over the predicted variance; about 1 when the spread is right
  std::int64_t components = 0;
};

/// Of data `y` [range...] with noise of `variance` per real component (broadcasts to y), predicted by `samples`
/// [S, range...] of A(x). Each component's prediction is the normal one with the samples' mean and variance (1 +
/// mean_variance) std² + variance (sample_spread.h: 1 + 1/S without pairs); one sample has std = 0. CRPS of a normal:
/// Gneiting, Raftery, Westveld, Goldman 2005, eq. 5. `measured` [range...] (bool; undefined: all) says which entries
/// count. Throws Error(internal) where none does.
PredictiveScore predictive_score(const at::Tensor& y, const at::Tensor& variance, const at::Tensor& samples,
                                 const SamplePairs& pairs, const at::Tensor& measured = {});

}  // namespace recon
