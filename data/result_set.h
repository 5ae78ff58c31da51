#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/image_geometry.h"
#include "data/image_range.h"

namespace recon {

/// What one solver made of N items. Vectors have one entry per item; NaN stands for "not known" (no ground truth, no
/// noise level). Undefined tensors and empty vectors are not written and come back undefined and empty.
struct SolverResults {
  std::string solver;                                  ///< registered name
  at::Tensor reconstructions;                          ///< [N, C, H, W], required
  at::Tensor std;                                      ///< [N, C, H, W], per-pixel posterior standard deviation
  at::Tensor samples;                                  ///< [N, S, C, H, W]
  at::Tensor quantiles;                                ///< [N, 2, C, H, W], 5 % and 95 % of the samples
  at::Tensor prior_part;                               ///< [N, C, H, W], what the data leave to the prior
  at::Tensor anomaly;                                  ///< [N, C, H, W], where the data fight the prior, in nats
  at::Tensor chi2_map;                                 ///< [N, range...], whose mean is chi2
  std::map<std::string, std::vector<double>> metrics;  ///< psnr [dB], ssim, ...
  std::vector<double> chi2;
  std::vector<std::string> status;  ///< finished, converged, stopped_early, diverged; of a batch also failed
  std::vector<std::string> error;   ///< of a batch: why an item failed or diverged, else empty
  std::vector<std::string> device;  ///< of a batch: what computed it
  std::vector<std::int64_t> nfe_forward, nfe_backward;
  std::vector<double> seconds, peak_mib;
  std::map<std::string, at::Tensor> trace;  ///< by name: [T] or [N, T]
};

/// One of the files that a batch read.
struct ResultInput {
  std::string name, hash;       ///< hash of its content
  std::string operator_config;  ///< YAML
  std::string operator_hash;    ///< of that text and the arrays that it names
  bool operator==(const ResultInput&) const = default;
};

/// A file that a batch was to read and left out.
struct SkippedInput {
  std::string name, reason;
  bool operator==(const SkippedInput&) const = default;
};

/// A result file in memory (data/FORMAT.md).
struct ResultSet {
  std::vector<std::string> ids;
  ImageRange range;
  std::vector<double> scale;  ///< per item: its images over this are in the units of the input; empty: they are in them
  std::optional<ImageGeometry> geometry = {};  ///< where the images lie, by the grid that it says; none: not said
  SolverResults main;
  std::map<std::string, SolverResults> baselines;  ///< by the name the config gives them
  std::string config;                              ///< the resolved config, YAML
  std::string operator_config;                     ///< YAML
  std::uint64_t seed = 0;
  std::map<std::string, std::string> versions;  ///< recon, libtorch, hdf5, ...
  std::string prior, prior_hash;                ///< path or name, and content_hash; empty without a prior
  std::string input, input_hash;                ///< the measurement file
  std::vector<ResultInput> inputs;              ///< of a batch: all that it read
  std::vector<SkippedInput> skipped;            ///< of a batch: those that it left out
  std::string manifest;                         ///< of a batch: what identifies the run, JSON (pipeline/batch_store.h)
};

}  // namespace recon
