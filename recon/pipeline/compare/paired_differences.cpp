#include "recon/pipeline/compare/paired_differences.h"

#include <algorithm>
#include <map>

#include "recon/metrics/student.h"
#include "recon/pipeline/compare/mean_std.h"
#include "recon/report/text_table.h"

namespace recon {
namespace {

constexpr const char* kCompared = "psnr";
constexpr double kLevel = 0.95;

/// A solver's figure by item.
struct Scores {
  std::string solver;
  std::map<std::string, double> by_item;

  double mean() const {
    std::vector<double> values;
    for (const auto& [item, value] : by_item) values.push_back(value);
    return mean_std(values).mean;
  }
};

struct TaskScores {
  std::string task;
  std::vector<Scores> solvers;
};

std::vector<TaskScores> scores_by_task(const ComparisonResult& result) {
  std::vector<TaskScores> tasks;
  for (const auto& [task, row, note] : result.rows) {
    const double value = row.figure(kCompared);
    if (!row.error.empty() || !std::isfinite(value) || !result.solvers.contains(row.solver)) continue;
    const auto of_task = [&, name = task](const TaskScores& there) { return there.task == name; };
    auto found = std::find_if(tasks.begin(), tasks.end(), of_task);
    if (found == tasks.end()) found = tasks.insert(found, {.task = task, .solvers = {}});
    const auto of_solver = [&](const Scores& there) { return there.solver == row.solver; };
    auto scores = std::find_if(found->solvers.begin(), found->solvers.end(), of_solver);
    if (scores == found->solvers.end()) scores = found->solvers.insert(scores, {.solver = row.solver, .by_item = {}});
    scores->by_item[row.id] = value;
  }
  return tasks;
}

PairedDifference difference(const Scores& scores, const Scores& reference) {
  PairedDifference paired{.solver = scores.solver};
  std::vector<double> differences;
  for (const auto& [item, value] : scores.by_item) {
    const auto other = reference.by_item.find(item);
    if (other != reference.by_item.end()) differences.push_back(value - other->second);
  }
  const MeanStd all = mean_std(differences);
  paired.items = static_cast<std::int64_t>(all.count);
  paired.mean = all.mean;
  if (paired.items > 1)
    paired.half_width = student_quantile(kLevel, static_cast<double>(paired.items - 1)) * all.standard_error();
  return paired;
}

}  // namespace

std::vector<PairedComparison> against_best_classical(const ComparisonResult& result) {
  std::vector<PairedComparison> comparisons;
  for (const auto& task : scores_by_task(result)) {
    const Scores* best = nullptr;
    std::size_t most = 0;  // one that gave up on the hard items is not the best one
    for (const auto& scores : task.solvers) most = std::max(most, scores.by_item.size());
    for (const auto& scores : task.solvers) {
      const ComparedMethod& method = result.solvers.at(scores.solver);
      const bool classical = !method.needs_prior && !method.knows_truth;
      if (classical && scores.by_item.size() == most && (best == nullptr || scores.mean() > best->mean()))
        best = &scores;
    }
    if (best == nullptr || most < 2) continue;
    PairedComparison comparison{.task = task.task, .classical = best->solver, .differences = {}};
    for (const auto& scores : task.solvers) {
      if (&scores != best) comparison.differences.push_back(difference(scores, *best));
    }
    if (!comparison.differences.empty()) comparisons.push_back(std::move(comparison));
  }
  return comparisons;
}

std::string paired_text(const std::vector<PairedComparison>& comparisons) {
  if (comparisons.empty()) return "";
  std::vector<std::vector<std::string>> lines = {
      {"task", "best classical", "solver", "PSNR ahead/dB", "95 % interval", "items"}};
  for (const auto& comparison : comparisons) {
    for (const auto& paired : comparison.differences) {
      const bool known = std::isfinite(paired.half_width);
      lines.push_back(
          {comparison.task, comparison.classical, paired.solver, fmt::format("{:+.2f}", paired.mean),
           known ? fmt::format("{:+.2f} to {:+.2f}", paired.mean - paired.half_width, paired.mean + paired.half_width)
                 : "-",
           std::to_string(paired.items)});
    }
  }
  return "\nagainst the best classical solver, item by item\n" + aligned(lines, 3);
}

nlohmann::ordered_json paired_json(const std::vector<PairedComparison>& comparisons) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& comparison : comparisons) {
    auto differences = nlohmann::ordered_json::array();
    for (const auto& paired : comparison.differences) {
      differences.push_back({{"solver", paired.solver},
                             {"items", paired.items},
                             {"mean", number_or_null(paired.mean)},
                             {"half_width", number_or_null(paired.half_width)}});
    }
    json.push_back({{"task", comparison.task}, {"classical", comparison.classical}, {"differences", differences}});
  }
  return json;
}

}  // namespace recon
