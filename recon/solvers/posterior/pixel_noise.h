#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "recon/solvers/context.h"

namespace recon {

/// The noise that the data leave in a pixel: noise_std / g, `[batch]`, float64, with the operator's mean gain
/// g² = ||A||_F² / m (mean_gain.h). A blur spreads a pixel's light, so that g is small; projections sum up many pixels.
/// Noise-free data have the floor of noise_variances() (data_step.h). Linear operators only.
at::Tensor pixel_noise(SolverContext& context);

/// A number of steps by that noise. Each step denoises once more, and what a network takes away of the texture adds up:
/// noisy data need few steps, and clean data many, because more noise levels lie above theirs.
///
/// `few` where a pixel's noise is 0.15 or more, `per_decade` more for every power of ten below, no more than `most`.
struct StepsByNoise {
  std::int64_t few = 0, per_decade = 0, most = 0;

  /// For each of these noise levels, `[batch]`.
  std::vector<std::int64_t> at(const at::Tensor& noise) const;
};

}  // namespace recon
