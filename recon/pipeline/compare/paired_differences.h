#pragma once

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recon/pipeline/compare/comparison.h"

namespace recon {

/// How far a solver is ahead of another on the same items. The items differ by far more than the solvers do, so the
/// differences on each of them say more than two means with their spreads.
struct PairedDifference {
  std::string solver;
  std::int64_t items = 0;   ///< that both did
  double mean = NAN;        ///< of the PSNR less the other's / dB
  double half_width = NAN;  ///< mean +- this holds the difference of many such items with 95 % (Student's t)
};
/// One task's solvers against its best classical one.
struct PairedComparison {
  std::string task, classical;
  std::vector<PairedDifference> differences;
};

/// Of tasks with several items that have a truth. The best classical solver has no prior, knows no truth (`oracle`) and
/// the highest mean PSNR; that it was chosen by these items makes the others' lead look a little smaller, never larger.
std::vector<PairedComparison> against_best_classical(const ComparisonResult& result);
std::string paired_text(const std::vector<PairedComparison>& comparisons);  ///< empty without any
nlohmann::ordered_json paired_json(const std::vector<PairedComparison>& comparisons);

}  // namespace recon
