#pragma once

#include <cstddef>
#include <string>

#include "data/result_file.h"

namespace recon {

/// A result file as one page: how many items are what, the distribution of every figure, failures with their reasons,
/// files that were left out, the items that stand out, and the first of the others.
///
/// Items that stand out come in this order: failed, diverged, contradicted by their data, then by how far chi² (its
/// logarithm) and the PSNR lie from the median of all, in units of 1.4826 times the median absolute deviation (what a
/// standard deviation is to a normal law). Figures of all items are read, images of the shown ones only.
struct ResultReport {
  std::string name;                ///< of the file, for the title
  std::size_t most_outliers = 24;  ///< pictures of items that stand out
  std::size_t most_others = 48;    ///< of the rest

  std::string html(const ResultFile& file) const;
};

/// Writes that of the open file `result`, which lies at `source`, to `path`, atomically.
void write_result_report(const std::string& path, const ResultFile& result, const std::string& source);

}  // namespace recon
