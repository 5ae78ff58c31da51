#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "recon/pipeline/compare/comparison.h"

namespace recon {

/// One way of explaining some measurements: an operator (a task) and a solver with its prior.
struct RankedCandidate {
  std::string task, solver;
  double score = NAN;         ///< mean held-out score over the items that all candidates did
  double behind = 0;          ///< the best one's score less this one's
  double behind_error = NAN;  ///< its standard error over the items (paired); NaN for one item
};
/// The candidates that were tried on the same measurements, best first.
struct HeldOutRanking {
  std::string data;  ///< name of the first task
  std::vector<RankedCandidate> candidates;
};

/// Of rows that have a held-out score, by the measurements of their tasks (`data`: hash by task). Measurements that one
/// candidate alone was tried on are left out.
std::vector<HeldOutRanking> held_out_rankings(const std::vector<ComparisonRow>& rows,
                                              const std::map<std::string, std::string>& data);
std::string ranking_text(const std::vector<HeldOutRanking>& rankings);
nlohmann::ordered_json ranking_json(const std::vector<HeldOutRanking>& rankings);

}  // namespace recon
