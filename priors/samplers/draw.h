#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "priors/samplers/sampler.h"
#include "recon/core/progress.h"
#include "recon/core/rng.h"

namespace recon {

/// Unconditional images that are wanted: one per key.
struct DrawTask {
  std::vector<StreamKey> keys;
  std::vector<std::int64_t> size;  ///< {H, W}
  at::TensorOptions like;          ///< precision and device
  std::uint64_t seed = 0;
  bool clip = false;  ///< denoised images are clipped to the prior's range, as many pipelines do
};

struct DrawControls {
  ProgressObserver observer;
  SamplerObserver watch;  ///< sees every step, for pictures of the way
  const CancellationToken* cancellation = nullptr;
};

struct DrawReport {
  at::Tensor x;                ///< `[keys, C, H, W]`; of diverged entries: zero
  std::vector<bool> diverged;  ///< per entry: it became NaN or infinite on the way
  bool stopped = false;        ///< by cancellation or the watcher: x is not at the last level
  std::int64_t nfe = 0;        ///< network passes that each entry has seen, counted
};

/// Draws from a prior: x_T = sigma_T z at the noisiest level, then the sampler's steps to sigma = 0. All randomness is
/// Rng(seed, "sample" + stream) by key and step, so an image does not depend on the batch it is drawn in.
///
/// Throws Error(usage) at the prior when its noise does not hide its images, when channels or size do not fit it, or
/// when the sampler needs a learned variance that it has not.
DrawReport draw(const Sampler& sampler, const Prior& prior, const DrawTask& task, const DrawControls& controls = {});

}  // namespace recon
