#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recon/pipeline/compare/comparison.h"

namespace recon {

/// A figure that rows have; one list of them makes the text, the CSV and the report.
struct FigureColumn {
  const char* key;    ///< in CSV and JSON
  const char* title;  ///< for people, with the unit
  int digits;
  enum class Best { none, high, low } best;  ///< what counts as good within a task
  std::function<double(const ResultRow&)> of;

  /// NaN where it is not known, and for rows without an image.
  double value(const ResultRow& row) const {
    return row.status == "failed" || row.status == "not_applicable" ? NAN : of(row);
  }
};
/// psnr, ssim, nrmse, chi2, crps, coverage_90, prior_fraction, nfe_forward, nfe_backward, seconds, peak_mib.
const std::vector<FigureColumn>& figure_columns();
/// Those that at least one row knows: without ground truth there is no PSNR to show.
std::vector<FigureColumn> known_columns(const std::vector<ComparisonRow>& rows);

/// Mean and standard deviation (n - 1; NaN for one item) of one figure over the items of a task that a solver did.
struct MeanStd {
  double mean = NAN, std = NAN;
  std::string to_string(int digits) const;  ///< "26.2 ± 0.3", "26.2" for one item, "-" for none
};
/// One solver on one task.
struct SummaryRow {
  std::string task, solver;
  std::int64_t done = 0, failed = 0, not_applicable = 0;
  std::vector<MeanStd> figures;  ///< one per column asked for
  std::string error;             ///< of the first item that has no image, failed or not
  std::string items() const;     ///< "4 done, 1 failed"
};
/// In the order of the rows. Failed and diverged items are counted, not averaged.
std::vector<SummaryRow> summarized(const std::vector<ComparisonRow>& rows, const std::vector<FigureColumn>& columns);

/// A table per item and, where a task has several items, one of means and standard deviations. Without a column of
/// tasks where none has a name.
std::string comparison_text(const std::vector<ComparisonRow>& rows);
/// RFC 4180, one line per row; columns that no row knows are left out.
std::string comparison_csv(const std::vector<ComparisonRow>& rows);
/// {"rows": [...], "summary": [...], "budget": [...]}; unknown figures are null.
nlohmann::ordered_json comparison_json(const ComparisonResult& result);

}  // namespace recon
