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
  at::Tensor prior_part;                               ///< [N, C, H, W], what the data leave to the prior
  at::Tensor chi2_map;                                 ///< [N, range...], whose mean is chi2
  std::map<std::string, std::vector<double>> metrics;  ///< psnr [dB], ssim, ...
  std::vector<double> chi2;
  std::vector<std::string> status;  ///< finished, converged, stopped_early, diverged, misfit; of a batch also failed
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
  std::vector<ResultInput> inputs;              ///< of a batch: all of them
  std::string manifest;                         ///< of a batch: what identifies the run, JSON (pipeline/batch_store.h)
};

/// Atomic; checks shapes and lengths against ids first (Error(internal): they are the program's own).
void write_result_file(const std::string& path, const ResultSet& results);

/// Bit for bit what was written. Error(data) for anything else than a result file of this version.
ResultSet read_result_file(const std::string& path, const hdf5::ReadLimits& limits = {});

/// A result file, opened: its items are read when asked for, so that memory is bounded by those.
class ResultFile {
 public:
  static ResultFile open(const std::string& path, const hdf5::ReadLimits& limits = {});

  /// All but the solvers' results.
  const ResultSet& header() const { return header_; }
  std::int64_t count() const { return static_cast<std::int64_t>(header_.ids.size()); }
  std::vector<std::string> baselines() const;
  /// Items first .. first+count-1 of the main solver, or of a baseline, without the trace.
  SolverResults rows(std::int64_t first, std::int64_t count, const std::string& baseline = "") const;
  /// The main solver's vectors of all items, and its tensors without any.
  SolverResults figures(const std::string& baseline = "") const;

 private:
  explicit ResultFile(hdf5::File file) : file_(std::move(file)) {}

  hdf5::File file_;
  ResultSet header_;
};

/// The `format` attribute of an HDF5 file ("recon-measurement", "recon-result", "recon-samples"), empty when it has
/// none.
std::string hdf5_format(const std::string& path);

}  // namespace recon
