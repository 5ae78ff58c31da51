#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "recon/core/rng.h"

namespace recon {

/// Half of the photons of `counts` [batch, ...] >= 0, each taken with probability 1/2 (one key per entry of the batch).
/// Of Poisson counts both halves are Poisson counts of half the mean, and independent: one can test what was fitted to
/// the other. Up to 32 counts photon by photon, beyond that by the normal approximation of the binomial, in [0,
/// counts]; a fraction of a photon (read noise) is halved.
at::Tensor half_of_counts(const at::Tensor& counts, std::uint64_t seed, const std::vector<StreamKey>& keys);

}  // namespace recon
