#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "recon/core/error.h"
#include "recon/pipeline/solve/uncertainty.h"
#include "recon/solvers/solver.h"

namespace recon {

/// One line of the report: what one method made of one item.
struct ResultRow {
  std::string id, solver;
  std::map<std::string, double> figures = {};  ///< by key (recon/pipeline/solve/figures.h); unknown ones are absent
  std::string status = {};  ///< an Outcome, "misfit" in its place where the data contradict the image, or "failed"
  std::string error = {};   ///< why there is no image, or why it is of no use; else empty

  /// NaN: not known.
  double figure(const std::string& key) const {
    const auto found = figures.find(key);
    return found == figures.end() ? NAN : found->second;
  }
};

/// What a method made of an item, in the units of the file and on the CPU.
struct MethodResult {
  at::Tensor x;          ///< [C, H, W]: the mean of the samples, or the selected one
  at::Tensor std;        ///< [C, H, W]; undefined with one sample
  at::Tensor samples;    ///< [S, C, H, W]
  SamplePairs pairs{0};  ///< which of them are pairs
  at::Tensor anomaly;    ///< [C, H, W] in nats per pixel, mean of the samples; undefined for solvers that do not say it
  Uncertainty uncertainty;
  Report report;
  std::vector<ResultRow> rows;        ///< of x and, with several samples, of the first one
  std::vector<std::string> warnings;  ///< for the user
};

/// What became of an item: a result, or why there is none.
struct ItemOutcome {
  std::optional<MethodResult> result = {};
  std::optional<Error> error = {};
  bool applicable = true;  ///< false: the solver has no use for such an operator, whatever its options
  std::string note = {};   ///< what the ground truth was used for, where it was
};

}  // namespace recon
