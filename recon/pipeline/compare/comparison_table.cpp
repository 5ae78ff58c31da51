#include "recon/pipeline/compare/comparison_table.h"

#include <algorithm>
#include <cmath>

#include "recon/pipeline/compare/held_out_ranking.h"
#include "recon/pipeline/compare/paired_differences.h"
#include "recon/report/text_table.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

bool counts(const ResultRow& row) { return row.error.empty(); }

std::string status_text(const ComparisonRow& row) {
  const std::string& detail = row.result.error.empty() ? row.note : row.result.error;
  return detail.empty() ? row.result.status : row.result.status + ": " + detail;
}

std::string item_table(const std::vector<ComparisonRow>& rows, const std::vector<Figure>& columns, std::size_t screen) {
  const bool tasks = std::any_of(rows.begin(), rows.end(), [](const auto& row) { return !row.task.empty(); });
  std::vector<std::vector<std::string>> lines = {{"item", "solver"}};
  for (const auto& column : columns) lines.front().push_back(column.heading());
  lines.front().emplace_back("status");
  for (const auto& line : rows) {
    const ResultRow& row = line.result;
    lines.push_back({row.id.empty() ? "-" : row.id, row.solver.empty() ? "-" : row.solver});
    for (const auto& column : columns) lines.back().push_back(cell(row.figure(column.key), column.digits));
    lines.back().push_back(status_text(line));
  }
  if (!tasks) return aligned(lines, 2, screen);
  lines.front().insert(lines.front().begin(), "task");
  for (std::size_t i = 0; i < rows.size(); ++i) lines[i + 1].insert(lines[i + 1].begin(), rows[i].task);
  return aligned(lines, 3, screen);
}

std::string summary_table(const std::vector<SummaryRow>& rows, const std::vector<Figure>& columns, std::size_t screen) {
  std::vector<std::vector<std::string>> lines = {{"task", "solver"}};
  for (const auto& column : columns) lines.front().push_back(column.heading());
  lines.front().emplace_back("items");
  for (const auto& row : rows) {
    lines.push_back({row.task, row.solver});
    for (std::size_t i = 0; i < columns.size(); ++i) {
      lines.back().push_back(row.figures[i].to_string(columns[i].digits));
    }
    lines.back().push_back(row.items());
  }
  return aligned(lines, 2, screen);
}

}  // namespace

std::vector<Figure> known_figures(const std::vector<ComparisonRow>& rows) {
  std::vector<ResultRow> results;
  for (const auto& row : rows) results.push_back(row.result);
  return known_figures(results);
}

std::string SummaryRow::items() const {
  std::string text = done > 0 || failed + not_applicable == 0 ? fmt::format("{} done", done) : "";
  const auto add = [&](std::int64_t count, const char* what) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  };
  add(failed, "failed");
  add(not_applicable, "not applicable");
  return text;
}

std::vector<SummaryRow> summarized(const std::vector<ComparisonRow>& rows, const std::vector<Figure>& columns) {
  std::vector<SummaryRow> summary;
  std::vector<std::vector<std::vector<double>>> values;
  for (const auto& line : rows) {
    const std::string& task = line.task;
    const ResultRow& row = line.result;
    const auto same = [&](const SummaryRow& there) { return there.task == task && there.solver == row.solver; };
    const auto found = std::find_if(summary.begin(), summary.end(), same);
    const auto at = static_cast<std::size_t>(found - summary.begin());
    if (found == summary.end()) {
      summary.push_back({.task = task, .solver = row.solver, .figures = {}, .error = {}});
      values.emplace_back(columns.size());
    }
    if (!counts(row)) {
      if (summary[at].failed + summary[at].not_applicable == 0) summary[at].error = row.error;
      ++(row.status == "not_applicable" ? summary[at].not_applicable : summary[at].failed);
      continue;
    }
    ++summary[at].done;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (const double value = row.figure(columns[i].key); std::isfinite(value)) values[at][i].push_back(value);
    }
  }
  for (std::size_t s = 0; s < summary.size(); ++s) {
    for (const auto& list : values[s]) summary[s].figures.push_back(mean_std(list));
  }
  return summary;
}

std::string comparison_text(const std::vector<ComparisonRow>& rows, std::size_t screen) {
  auto columns = known_figures(rows);
  std::erase_if(columns, [](const Figure& figure) { return !figure.in_tables; });
  const auto summary = summarized(rows, columns);
  std::string text = item_table(rows, columns, screen);
  const auto several = [](const SummaryRow& row) { return row.done + row.failed + row.not_applicable > 1; };
  if (std::any_of(summary.begin(), summary.end(), several)) {
    text += "\nmean and standard deviation over the items\n" + summary_table(summary, columns, screen);
  }
  return text;
}

std::string result_text(const std::vector<ResultRow>& rows, std::size_t screen) {
  std::vector<ComparisonRow> lines;
  for (const auto& row : rows) lines.push_back({"", row});
  return comparison_text(lines, screen);
}

std::string comparison_csv(const std::vector<ComparisonRow>& rows) {
  const auto columns = known_figures(rows);
  std::string text = "task,item,solver";
  for (const auto& column : columns) text += "," + column.key;
  text += ",status,note,error\r\n";
  for (const auto& [task, row, note] : rows) {
    text += csv_field(task) + "," + csv_field(row.id) + "," + csv_field(row.solver);
    for (const auto& column : columns) text += "," + column.csv(row.figure(column.key));
    text += "," + row.status + "," + csv_field(note) + "," + csv_field(row.error) + "\r\n";
  }
  return text;
}

ordered_json comparison_json(const ComparisonResult& result) {
  ordered_json json;
  json["rows"] = ordered_json::array();
  for (const auto& [task, row, note] : result.rows) {
    ordered_json object = {{"task", task}, {"item", row.id}, {"solver", row.solver}};
    add_figures(object, row);
    object["status"] = row.status;
    if (!note.empty()) object["note"] = note;
    if (!row.error.empty()) object["error"] = row.error;
    json["rows"].push_back(object);
  }
  json["summary"] = ordered_json::array();
  for (const auto& row : summarized(result.rows, figures())) {
    ordered_json object = {{"task", row.task}, {"solver", row.solver}, {"done", row.done}, {"failed", row.failed}};
    object["not_applicable"] = row.not_applicable;
    for (std::size_t i = 0; i < row.figures.size(); ++i) {
      object[figures()[i].key] = {{"mean", number_or_null(row.figures[i].mean)},
                                  {"std", number_or_null(row.figures[i].std)}};
    }
    json["summary"].push_back(object);
  }
  json["budget"] = ordered_json::array();
  for (const auto& choice : result.budgets) {
    ordered_json object = {{"task", choice.task}, {"solver", choice.solver}};
    object["steps"] = choice.steps > 0 ? ordered_json(choice.steps) : ordered_json(nullptr);
    if (!choice.note.empty()) object["note"] = choice.note;
    json["budget"].push_back(object);
  }
  json["against_classical"] = paired_json(against_best_classical(result));
  json["held_out_ranking"] = ranking_json(held_out_rankings(result.rows, result.data));
  json["report"] = result.files.report;
  json["csv"] = result.files.csv;
  return json;
}

}  // namespace recon
