#include "recon/pipeline/compare/comparison_table.h"

#include <cmath>
#include <set>

#include "recon/report/text_table.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

bool counts(const ResultRow& row) { return row.error.empty(); }

std::string status_text(const ComparisonRow& row) {
  const std::string& detail = row.result.error.empty() ? row.note : row.result.error;
  return detail.empty() ? row.result.status : row.result.status + ": " + detail;
}

std::string item_table(const std::vector<ComparisonRow>& rows, const std::vector<FigureColumn>& columns) {
  const bool tasks = std::any_of(rows.begin(), rows.end(), [](const auto& row) { return !row.task.empty(); });
  std::vector<std::vector<std::string>> lines = {{"item", "solver"}};
  for (const auto& column : columns) lines.front().emplace_back(column.title);
  lines.front().emplace_back("status");
  for (const auto& line : rows) {
    const ResultRow& row = line.result;
    lines.push_back({row.id.empty() ? "-" : row.id, row.solver.empty() ? "-" : row.solver});
    for (const auto& column : columns) lines.back().push_back(cell(column.value(row), column.digits));
    lines.back().push_back(status_text(line));
  }
  if (!tasks) return aligned(lines, 2);
  lines.front().insert(lines.front().begin(), "task");
  for (std::size_t i = 0; i < rows.size(); ++i) lines[i + 1].insert(lines[i + 1].begin(), rows[i].task);
  return aligned(lines, 3);
}

std::string summary_table(const std::vector<SummaryRow>& rows, const std::vector<FigureColumn>& columns) {
  std::vector<std::vector<std::string>> lines = {{"task", "solver"}};
  for (const auto& column : columns) lines.front().emplace_back(column.title);
  lines.front().emplace_back("items");
  for (const auto& row : rows) {
    lines.push_back({row.task, row.solver});
    for (std::size_t i = 0; i < columns.size(); ++i) {
      lines.back().push_back(row.figures[i].to_string(columns[i].digits));
    }
    lines.back().push_back(row.items());
  }
  return aligned(lines, 2);
}

MeanStd mean_std(const std::vector<double>& values) {
  MeanStd result;
  if (values.empty()) return result;
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  result.mean = sum / n;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  if (values.size() > 1) result.std = std::sqrt(squares / (n - 1));
  return result;
}

}  // namespace

const std::vector<FigureColumn>& figure_columns() {
  using Best = FigureColumn::Best;
  const auto count = [](std::int64_t n) { return static_cast<double>(n); };
  static const std::vector<FigureColumn> columns = {
      {"psnr", "PSNR/dB", 2, Best::high, [](const ResultRow& row) { return row.psnr; }},
      {"ssim", "SSIM", 3, Best::high, [](const ResultRow& row) { return row.ssim; }},
      {"nrmse", "NRMSE", 3, Best::low, [](const ResultRow& row) { return row.nrmse; }},
      {"chi2", "chi2", 3, Best::none, [](const ResultRow& row) { return row.chi2; }},
      {"crps", "CRPS", 4, Best::low, [](const ResultRow& row) { return row.crps; }},
      {"coverage_90", "90 % covers", 2, Best::none, [](const ResultRow& row) { return row.coverage_90; }},
      {"imagined_share", "imagined", 3, Best::none, [](const ResultRow& row) { return row.prior_fraction; }},
      {"nfe_forward", "NFE fwd", 0, Best::none, [=](const ResultRow& row) { return count(row.nfe_forward); }},
      {"nfe_backward", "NFE bwd", 0, Best::none, [=](const ResultRow& row) { return count(row.nfe_backward); }},
      {"seconds", "seconds", 2, Best::none, [](const ResultRow& row) { return row.seconds; }},
      {"peak_mib", "peak/MiB", 0, Best::none, [](const ResultRow& row) { return row.peak_mib; }},
  };
  return columns;
}

std::vector<FigureColumn> known_columns(const std::vector<ComparisonRow>& rows) {
  std::vector<FigureColumn> known;
  for (const auto& column : figure_columns()) {
    const auto knows = [&](const ComparisonRow& row) { return std::isfinite(column.value(row.result)); };
    if (std::any_of(rows.begin(), rows.end(), knows)) known.push_back(column);
  }
  return known;
}

std::string MeanStd::to_string(int digits) const {
  return std::isfinite(std) ? fmt::format("{:.{}f} ± {:.{}f}", mean, digits, std, digits) : cell(mean, digits);
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

std::vector<SummaryRow> summarized(const std::vector<ComparisonRow>& rows, const std::vector<FigureColumn>& columns) {
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
      if (const double value = columns[i].value(row); std::isfinite(value)) values[at][i].push_back(value);
    }
  }
  for (std::size_t s = 0; s < summary.size(); ++s) {
    for (const auto& list : values[s]) summary[s].figures.push_back(mean_std(list));
  }
  return summary;
}

std::string comparison_text(const std::vector<ComparisonRow>& rows) {
  const auto columns = known_columns(rows);
  const auto summary = summarized(rows, columns);
  std::string text = item_table(rows, columns);
  const auto several = [](const SummaryRow& row) { return row.done + row.failed + row.not_applicable > 1; };
  if (std::any_of(summary.begin(), summary.end(), several)) {
    text += "\nmean and standard deviation over the items\n" + summary_table(summary, columns);
  }
  return text;
}

std::string comparison_csv(const std::vector<ComparisonRow>& rows) {
  const auto columns = known_columns(rows);
  std::string text = "task,item,solver";
  for (const auto& column : columns) text += std::string(",") + column.key;
  text += ",status,note,error\r\n";
  for (const auto& [task, row, note] : rows) {
    text += csv_field(task) + "," + csv_field(row.id) + "," + csv_field(row.solver);
    for (const auto& column : columns) {
      const double value = column.value(row);
      text += std::isfinite(value) ? fmt::format(",{:.9g}", value) : ",";
    }
    text += "," + row.status + "," + csv_field(note) + "," + csv_field(row.error) + "\r\n";
  }
  return text;
}

ordered_json comparison_json(const ComparisonResult& result) {
  ordered_json json;
  json["rows"] = ordered_json::array();
  for (const auto& [task, row, note] : result.rows) {
    ordered_json object = {{"task", task}, {"item", row.id}, {"solver", row.solver}};
    for (const auto& column : figure_columns()) object[column.key] = number_or_null(column.value(row));
    object["nfe_forward"] = row.nfe_forward;
    object["nfe_backward"] = row.nfe_backward;
    object["status"] = row.status;
    if (!note.empty()) object["note"] = note;
    if (!row.error.empty()) object["error"] = row.error;
    json["rows"].push_back(object);
  }
  json["summary"] = ordered_json::array();
  for (const auto& row : summarized(result.rows, figure_columns())) {
    ordered_json object = {{"task", row.task}, {"solver", row.solver}, {"done", row.done}, {"failed", row.failed}};
    object["not_applicable"] = row.not_applicable;
    for (std::size_t i = 0; i < row.figures.size(); ++i) {
      object[figure_columns()[i].key] = {{"mean", number_or_null(row.figures[i].mean)},
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
  return json;
}

}  // namespace recon
