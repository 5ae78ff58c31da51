#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/measurement_file.h"

namespace recon {

/// What one solver made of N items. Vectors have one entry per item; NaN stands for "not known" (no ground truth, no
/// noise level). Undefined tensors and empty vectors are not written and come back undefined and empty.
struct SolverResults {
  std::string solver;                                  ///< registered name
  at::Tensor reconstructions;                          ///< [N, C, H, W], required
  at::Tensor std;                                      ///< [N, C, H, W], per-pixel posterior standard deviation
  at::Tensor samples;                                  ///< [N, S, C, H, W]
  at::Tensor quantiles;                                ///< [N, 2, C, H, W], 5 % and 95 % of the samples
  at::Tensor imagined;                                 ///< [N, C, H, W], what the data leave to the prior
  at::Tensor chi2_map;                                 ///< [N, range...], whose mean is chi2
  std::map<std::string, std::vector<double>> metrics;  ///< psnr [dB], ssim, ...
  std::vector<double> chi2;
  std::vector<std::string> status;  ///< finished, converged, stopped_early, diverged
  std::vector<std::int64_t> nfe_forward, nfe_backward;
  std::vector<double> seconds, peak_mib;
  std::map<std::string, at::Tensor> trace;  ///< by name: [T] or [N, T]
};

/// A result file in memory (data/FORMAT.md).
struct ResultSet {
  std::vector<std::string> ids;
  ImageRange range;
  SolverResults main;
  std::map<std::string, SolverResults> baselines;  ///< by the name the config gives them
  std::string config;                              ///< the resolved config, YAML
  std::string operator_config;                     ///< YAML
  std::uint64_t seed = 0;
  std::map<std::string, std::string> versions;  ///< recon, libtorch, hdf5, ...
  std::string prior, prior_hash;                ///< path or name, and content_hash; empty without a prior
  std::string input, input_hash;                ///< the measurement file
};

/// Atomic; checks shapes and lengths against ids first (Error(internal): they are the program's own).
void write_result_file(const std::string& path, const ResultSet& results);

/// Bit for bit what was written. Error(data) for anything else than a result file of this version.
ResultSet read_result_file(const std::string& path, const hdf5::ReadLimits& limits = {});

/// The `format` attribute of an HDF5 file ("recon-measurement", "recon-result", "recon-samples"), empty when it has
/// none.
std::string hdf5_format(const std::string& path);

}  // namespace recon
