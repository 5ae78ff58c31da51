#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recon/pipeline/compare/comparison.h"
#include "recon/pipeline/compare/mean_std.h"
#include "recon/pipeline/solve/figures.h"

namespace recon {

/// Those that at least one row knows.
std::vector<Figure> known_figures(const std::vector<ComparisonRow>& rows);

/// One solver on one task: its figures over the items that it did.
struct SummaryRow {
  std::string task, solver;
  std::int64_t done = 0, failed = 0, not_applicable = 0;
  std::vector<MeanStd> figures;  ///< one per column asked for
  std::string error;             ///< of the first item that has no image, failed or not
  std::string items() const;     ///< "4 done, 1 failed"
};
/// In the order of the rows. Failed and diverged items are counted, not averaged.
std::vector<SummaryRow> summarized(const std::vector<ComparisonRow>& rows, const std::vector<Figure>& columns);

/// A table per item and, where a task has several items, one of means and standard deviations. Without a column of
/// tasks where none has a name.
std::string comparison_text(const std::vector<ComparisonRow>& rows, std::size_t screen = 0);
/// The same of rows without a task.
std::string result_text(const std::vector<ResultRow>& rows, std::size_t screen = 0);
/// RFC 4180, one line per row; figures that no row knows are left out.
std::string comparison_csv(const std::vector<ComparisonRow>& rows);
/// {"rows": [...], "summary": [...], "budget": [...], "against_classical": [...], "held_out_ranking": [...], "report":
/// PATH, "csv": PATH}; unknown figures are null.
nlohmann::ordered_json comparison_json(const ComparisonResult& result);

}  // namespace recon
