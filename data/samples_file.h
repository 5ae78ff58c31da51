#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/measurement_file.h"

namespace recon {

/// A samples file in memory (data/FORMAT.md): images drawn from a prior, without any measurement.
struct SampleSet {
  at::Tensor samples;               ///< [N, C, H, W], in the prior's value range
  ImageRange range;                 ///< that range
  std::vector<std::string> status;  ///< [N] finished, diverged
  std::string sampler;              ///< registered name
  std::int64_t nfe = 0;             ///< network passes that each sample took
  std::string config;               ///< the resolved config, YAML
  std::uint64_t seed = 0;
  std::map<std::string, std::string> versions;
  std::string prior, prior_hash;
};

/// Atomic; checks shapes first (Error(internal): they are the program's own).
void write_samples_file(const std::string& path, const SampleSet& set);

/// Bit for bit what was written. Error(data) for anything else than a samples file of this version.
SampleSet read_samples_file(const std::string& path, const hdf5::ReadLimits& limits = {});

}  // namespace recon
