#pragma once

#include <optional>

#include "priors/networks/layers.h"

namespace recon {

/// How a network turns its time into features.
struct TimeEmbeddingOptions {
  bool fourier = false;
  bool log_time = true;       ///< Fourier of log(t); else of t itself
  std::int64_t channels = 0;  ///< of the first block; Fourier features are twice as many
  std::int64_t out_channels = 0;
  bool flip_sin_to_cos = true;  ///< cosines first
  double freq_shift = 0;
  double longest_period = 10000;
  Activation activation = Activation::silu;
  /// Names of the two layers in a checkpoint.
  const char *first = "time_embedding.linear_1", *second = "time_embedding.linear_2";
  const char *fourier_scope = "time_proj", *frequencies = "weight";
};

/// Features of the time, then two linear layers with an activation between: t [B] -> [B, out_channels].
///
/// Positional (Ho et al. 2020, after Vaswani et al. 2017, section 3.5): sin and cos of t w_k with
/// w_k = longest_period^(-k / (channels/2 - freq_shift)), k = 0..channels/2-1; a zero is appended where channels is
/// odd. Fourier (Song et al. 2021, appendix C.1): sin and cos of 2 pi log(t) w with random frequencies w from the
/// checkpoint
/// (`time_proj.weight`); t > 0 then, a noise level rather than a counter.
class TimeEmbedding {
 public:
  TimeEmbedding(const ParameterScope& scope, const TimeEmbeddingOptions& options);
  /// `label`, [features], is added to the features where it is defined.
  at::Tensor operator()(const at::Tensor& t, const at::Tensor& label = {}) const;

 private:
  at::Tensor features(const at::Tensor& t) const;

  TimeEmbeddingOptions options_;
  at::Tensor frequencies_;  ///< Fourier only
  Linear linear1_, linear2_;
};

}  // namespace recon
