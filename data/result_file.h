#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"
#include "data/result_set.h"

namespace recon {

/// Atomic; checks shapes and lengths against ids first (Error(internal): they are the program's own).
void write_result_file(const std::string& path, const ResultSet& results);

/// Bit for bit what was written. Files of version 1 are read, too (data/FORMAT.md); Error(data) for anything else.
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
