#include "recon/pipeline/compare/held_out_ranking.h"

#include <algorithm>
#include <utility>

#include "recon/pipeline/compare/mean_std.h"
#include "recon/report/text_table.h"

namespace recon {
namespace {

/// The scores of one candidate by item.
struct Scored {
  std::string task, solver;
  std::map<std::string, double> scores;
};

RankedCandidate compared_with(const Scored& best, const Scored& candidate, const std::vector<std::string>& items) {
  RankedCandidate ranked{.task = candidate.task, .solver = candidate.solver};
  std::vector<double> scores, behind;
  for (const auto& item : items) {
    scores.push_back(candidate.scores.at(item));
    behind.push_back(best.scores.at(item) - candidate.scores.at(item));
  }
  const MeanStd distance = mean_std(behind);
  ranked.score = mean_std(scores).mean;
  ranked.behind = distance.mean;
  ranked.behind_error = distance.standard_error();
  return ranked;
}

std::vector<std::string> items_of_all(const std::vector<Scored>& candidates) {
  std::vector<std::string> common;
  for (const auto& [item, score] : candidates.front().scores) {
    const auto did = [&, id = item](const Scored& candidate) { return candidate.scores.contains(id); };
    if (std::all_of(candidates.begin(), candidates.end(), did)) common.push_back(item);
  }
  return common;
}

}  // namespace

std::vector<HeldOutRanking> held_out_rankings(const std::vector<ComparisonRow>& rows,
                                              const std::map<std::string, std::string>& data) {
  std::vector<std::pair<std::string, std::vector<Scored>>> by_data;
  for (const auto& [task, row, note] : rows) {
    const double score = row.figure("held_out_score");
    const auto hash = data.find(task);
    if (!std::isfinite(score) || hash == data.end()) continue;
    auto group = std::find_if(by_data.begin(), by_data.end(), [&](const auto& g) { return g.first == hash->second; });
    if (group == by_data.end()) group = by_data.insert(group, {hash->second, {}});
    auto& candidates = group->second;
    const auto same = [&, name = task](const Scored& there) {
      return there.task == name && there.solver == row.solver;
    };
    auto found = std::find_if(candidates.begin(), candidates.end(), same);
    if (found == candidates.end()) found = candidates.insert(found, {.task = task, .solver = row.solver, .scores = {}});
    found->scores[row.id] = score;
  }
  std::vector<HeldOutRanking> rankings;
  for (const auto& [hash, candidates] : by_data) {
    const std::vector<std::string> items = items_of_all(candidates);
    if (candidates.size() < 2 || items.empty()) continue;
    const auto mean = [&](const Scored& candidate) { return compared_with(candidate, candidate, items).score; };
    const auto best = std::max_element(candidates.begin(), candidates.end(),
                                       [&](const Scored& a, const Scored& b) { return mean(a) < mean(b); });
    HeldOutRanking ranking{.data = candidates.front().task, .candidates = {}};
    for (const auto& candidate : candidates) ranking.candidates.push_back(compared_with(*best, candidate, items));
    std::stable_sort(ranking.candidates.begin(), ranking.candidates.end(),
                     [](const RankedCandidate& a, const RankedCandidate& b) { return a.score > b.score; });
    rankings.push_back(std::move(ranking));
  }
  return rankings;
}

std::string ranking_text(const std::vector<HeldOutRanking>& rankings) {
  std::string text;
  for (const auto& ranking : rankings) {
    std::vector<std::vector<std::string>> lines = {{"task", "solver", "held-out score", "behind the best"}};
    for (const auto& candidate : ranking.candidates) {
      std::string behind = fmt::format("{:.4f}", candidate.behind);
      if (std::isfinite(candidate.behind_error)) behind += fmt::format(" ± {:.4f}", candidate.behind_error);
      lines.push_back({candidate.task, candidate.solver, fmt::format("{:.4f}", candidate.score),
                       candidate.behind > 0 ? behind : "-"});
    }
    text += "\nby the data that were held out, best first (nats for each number)\n" + aligned(lines, 2);
  }
  return text;
}

nlohmann::ordered_json ranking_json(const std::vector<HeldOutRanking>& rankings) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& ranking : rankings) {
    nlohmann::ordered_json candidates = nlohmann::ordered_json::array();
    for (const auto& candidate : ranking.candidates) {
      candidates.push_back({{"task", candidate.task},
                            {"solver", candidate.solver},
                            {"score", number_or_null(candidate.score)},
                            {"behind", number_or_null(candidate.behind)},
                            {"behind_error", number_or_null(candidate.behind_error)}});
    }
    json.push_back({{"data", ranking.data}, {"candidates", candidates}});
  }
  return json;
}

}  // namespace recon
