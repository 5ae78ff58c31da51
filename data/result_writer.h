#pragma once

#include <map>
#include <string>

#include "data/result_file.h"

namespace recon {

/// Writes the result file of one solver in pieces, so that memory is bounded by the piece: images go to chunked,
/// checked (fletcher32) and compressed datasets, figures are kept and written at the end.
///
/// A piece may lack what others have (its metrics, its std): those entries are NaN, or "" for texts. Wrap in an
/// AtomicFile; a full disk is an Error(data) of add() or close().
class ResultWriter {
 public:
  /// `header.ids` says how many items there will be; `header.main` and baselines are ignored. `compression`: gzip
  /// level, 0: none.
  ResultWriter(const std::string& path, ResultSet header, std::int64_t compression);

  /// The next items, as many as `rows.reconstructions` has. Error(internal) beyond the last one.
  void add(const SolverResults& rows);
  /// Error(internal) unless all items have come.
  void close();

 private:
  void add_tensor(const std::string& name, const at::Tensor& rows);

  hdf5::File file_;
  ResultSet header_;  ///< main collects the figures
  std::int64_t compression_;
  std::int64_t done_ = 0;
  std::map<std::string, hdf5::Dataset> datasets_;
};

}  // namespace recon
