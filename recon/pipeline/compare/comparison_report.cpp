#include "recon/pipeline/compare/comparison_report.h"

#include <ATen/ATen.h>

#include <cmath>

#include "data/image_io.h"
#include "data/volume_planes.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/pipeline/compare/comparison_table.h"
#include "recon/pipeline/compare/held_out_ranking.h"
#include "recon/pipeline/compare/paired_differences.h"
#include "recon/pipeline/compare/quality_curves.h"
#include "recon/pipeline/solve/result_columns.h"
#include "recon/pipeline/solve/slices_figure.h"
#include "recon/report/html.h"

namespace recon {
namespace {

constexpr int map_levels = 12;  ///< colours of maps: enough to read them, at a quarter of the bytes of all 256

/// [C, H, W] -> one channel that a picture can show; three channels stay.
at::Tensor shown(const at::Tensor& image) {
  const at::Tensor real = image.is_complex() ? image.abs() : image;
  return real.size(0) == 1 || real.size(0) == 3 ? real : real.mean(0, true);
}

double quantile_of(const at::Tensor& values, double share) {
  const at::Tensor flat = values.flatten();
  const auto k = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(flat.numel())));
  return std::get<0>(flat.kthvalue(std::max<std::int64_t>(1, k))).item<double>();
}

at::Tensor error_map(const at::Tensor& x, const at::Tensor& truth) {
  const bool magnitudes = x.is_complex() != truth.is_complex();
  return (magnitudes ? x.abs() - truth.abs() : x - truth).abs().mean(0, true);
}

double middle_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

/// The measurement where it is a picture: as it is, Fourier data as log magnitude over four decades.
std::optional<PanelTile> measurement_tile(const PreparedItem& item) {
  at::Tensor y = (item.shown.defined() ? item.shown : item.y)[0].cpu();
  if (y.dim() == 4 && item.op->domain().shape.size() == 4) {
    // Of a volume that is measured as one, three planes; of one that is measured slice by slice, its middle slice.
    const bool whole = item.op->range().shape == item.op->domain().shape;
    y = whole ? middle_planes(y.is_complex() ? y.abs() : y, item.range.low) : y[y.size(0) / 2];
  }
  if (y.dim() != 3 || (y.size(0) != 1 && y.size(0) != 3)) return std::nullopt;
  if (!y.is_complex()) return PanelTile{"measurement", y, item.range};
  const at::Tensor magnitude = at::log10(y.abs().clamp_min(1e-30));
  const double top = magnitude.max().item<double>();
  return PanelTile{"measurement", magnitude, {top - 4, top}};
}

std::string card(const std::string& title, const std::string& body, bool failed = false) {
  return fmt::format("<div class=\"card{}\"><h4>{}</h4>\n{}</div>\n", failed ? " failed" : "", html_escaped(title),
                     body);
}

std::string caption_of(const ResultRow& row, const std::string& note) {
  std::string caption = note;
  for (const auto& figure : figures()) {
    const double value = row.figure(figure.key);
    if (!figure.in_captions || !std::isfinite(value)) continue;
    caption += fmt::format("{}{} {:.{}f}{}{}", caption.empty() ? "" : " · ", figure.title, value, figure.digits,
                           figure.unit.empty() ? "" : " ", figure.unit);
  }
  return caption.empty() ? row.status : caption;
}

/// The figures of an item's pictures, under one scale for its errors.
class ItemPictures {
 public:
  ItemPictures(std::string task, const PreparedItem& item, const std::vector<ComparedResult>& results)
      : group_(std::move(task) + "/" + item.id), item_(item) {
    if (!item.ground_truth.defined()) return;
    truth_ = in_window(item.ground_truth[0].cpu(), *item.op);
    std::vector<double> levels;
    for (const auto& compared : results) {
      if (const auto& result = compared.outcome.result)
        levels.push_back(quantile_of(error_map(result->x, truth_), 0.99));
    }
    error_scale_ = std::max(middle_of(levels), 1e-30);
  }

  std::string html(const std::vector<ComparedResult>& results) const {
    std::string cards;
    if (truth_.defined())
      cards += card("truth", picture("truth", {"", shown(truth_), item_.range}, "ground truth") + slices(truth_));
    if (const auto tile = measurement_tile(item_)) {
      cards += card("measurement", picture("measurement", *tile, item_.op->name()));
    }
    for (const auto& compared : results) cards += of_solver(compared);
    return fmt::format("<h3>{}</h3>\n<div class=\"pictures\">\n{}</div>\n", html_escaped(item_.id), cards);
  }

 private:
  /// Where the residual is larger than the noise. Averages over blocks: of white noise they are near 1 everywhere.
  std::string residual_picture(const std::string& solver, const at::Tensor& map) const {
    if (!map.defined() || map.dim() != 3 || (map.size(0) != 1 && map.size(0) != 3)) return "";
    constexpr std::int64_t block = 4;
    if (map.size(1) < block || map.size(2) < block) return "";
    const at::Tensor averages = at::avg_pool2d(map.mean(0, true), {block, block});
    return picture(solver, {"", averages, {0, 3}, Colormap::inferno},
                   "residual² / noise variance, 4 × 4 averages, 0 to 3", "/residual");
  }

  std::string picture(const std::string& label, const PanelTile& tile, const std::string& caption,
                      const std::string& kind = "") const {
    const bool map = tile.colormap != Colormap::none;
    return html_figure({.group = group_ + kind,
                        .picture = webp_bytes(tile, map ? map_levels : 256),
                        .caption = caption,
                        .label = label + ": " + caption});
  }

  std::string slices(const at::Tensor& image) const { return slices_figure(group_, shown(image), item_.range); }

  std::string of_solver(const ComparedResult& compared) const {
    if (!compared.outcome.result) {
      return card(compared.solver, "<p>" + html_escaped(compared.error()) + "</p>", true);
    }
    const MethodResult& result = *compared.outcome.result;
    const ResultRow& row = result.rows.front();
    const std::string caption = caption_of(row, compared.outcome.note);
    std::string body = picture(compared.solver, {"", shown(result.x), item_.range}, caption) + slices(result.x);
    if (truth_.defined()) {
      body += picture(compared.solver, {"", error_map(result.x, truth_), {0, error_scale_}, Colormap::inferno},
                      fmt::format("error, 0 to {:.2g}", error_scale_), "/error");
    }
    if (result.std.defined()) {
      const at::Tensor map = result.std.mean(0, true);
      const double top = std::max(quantile_of(map, 0.995), 1e-30);
      body += picture(compared.solver, {"", map, {0, top}, Colormap::inferno},
                      fmt::format("std of {} samples, 0 to {:.2g}", result.samples.size(0), top), "/std");
    }
    if (result.anomaly.defined()) {
      const at::Tensor map = block_average(result.anomaly);
      const double top = std::max(map.max().item<double>(), 1e-30);
      body += picture(compared.solver, {"", map, {0, top}, Colormap::inferno},
                      fmt::format("anomaly, 0 to {:.2g} nat per pixel", top), "/anomaly");
    }
    if (const auto& split = result.uncertainty.split; split && row.status != to_string(Outcome::diverged)) {
      const at::Tensor map = split->prior_part.abs().mean(0, true);
      body +=
          picture(compared.solver, {"", map, {0, (item_.range.high - item_.range.low) / 4}, Colormap::viridis},
                  fmt::format("prior part: {:.0f} % of the contrast is not in the data", 100 * split->prior_fraction),
                  "/prior_part");
    }
    return card(compared.solver, body + residual_picture(compared.solver, result.uncertainty.chi2_map));
  }

  std::string group_;
  const PreparedItem& item_;
  at::Tensor truth_;
  double error_scale_ = 1;
};

std::optional<Curve> curve_of(const ComparedResult& compared) {
  if (!compared.outcome.result) return std::nullopt;
  const Report& report = compared.outcome.result->report;
  const std::vector<double> chi2 = mean_trace(report);
  Curve curve{.label = compared.solver, .x = {}, .y = {}};
  for (std::size_t i = 0; i < chi2.size(); ++i) {
    if (!std::isfinite(chi2[i]) || chi2[i] <= 0) continue;
    curve.x.push_back(static_cast<double>(report.trace[i].step));
    curve.y.push_back(chi2[i]);
  }
  if (curve.x.size() < 2) return std::nullopt;
  return curve;
}

std::optional<Curve> calibration_of(const ComparedResult& compared) {
  if (!compared.outcome.result || !compared.outcome.result->uncertainty.calibration) return std::nullopt;
  Curve curve{.label = compared.solver, .x = {}, .y = {}};
  for (const auto& point : calibration_curve(*compared.outcome.result->uncertainty.calibration)) {
    curve.x.push_back(point.nominal);
    curve.y.push_back(point.covered);
  }
  return curve;
}

std::string noise_text(const PreparedItem& item) {
  if (item.noise.std <= 0) return "noise-free, or its level unknown";
  return fmt::format("noise std {:.3g}{}", item.noise.std,
                     item.noise.photons.counts_photons() ? " on average (Poisson)"
                     : item.noise.weights.defined()      ? " on average (a map)"
                     : item.shown.defined()              ? " once whitened (correlated)"
                                                         : "");
}

/// The mean that is best among a task's solvers, per column; NaN where nothing is best.
std::vector<double> best_of(const std::vector<SummaryRow>& rows, const std::vector<Figure>& columns) {
  std::vector<double> best(columns.size(), NAN);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].best == Figure::Best::none) continue;
    const double sign = columns[i].best == Figure::Best::high ? 1 : -1;
    for (const auto& row : rows) {
      const double value = row.figures[i].mean;
      if (std::isfinite(value) && !(sign * value <= sign * best[i])) best[i] = value;
    }
  }
  return best;
}

std::string task_table(const std::vector<SummaryRow>& rows, const std::vector<Figure>& columns) {
  std::string html = "<div class=\"scroll\"><table><tr><th>solver</th>";
  for (const auto& column : columns) html += fmt::format("<th>{}</th>", html_escaped(column.heading()));
  html += "<th class=\"text\">items</th></tr>\n";
  const auto best = best_of(rows, columns);
  for (const auto& row : rows) {
    html += fmt::format("<tr{}><td>{}</td>", row.failed > 0 ? " class=\"failed\"" : "", html_escaped(row.solver));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool wins = rows.size() > 1 && row.figures[i].mean == best[i];
      html += fmt::format("<td{}>{}</td>", wins ? " class=\"best\"" : "", row.figures[i].to_string(columns[i].digits));
    }
    const std::string why = row.error.empty() ? "" : ": " + html_escaped(row.error);
    html += fmt::format("<td class=\"text\">{}{}</td></tr>\n", row.items(), why);
  }
  return html + "</table></div>\n";
}

/// One figure by task and solver: the comparison at a glance.
std::string overview(const std::vector<SummaryRow>& rows, const std::vector<Figure>& columns) {
  if (columns.empty() || rows.empty()) return "";
  const Figure& figure = columns.front();
  std::vector<std::string> tasks, solvers;
  const auto note = [](std::vector<std::string>& list, const std::string& name) {
    if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
  };
  for (const auto& row : rows) {
    note(tasks, row.task);
    if (!row.solver.empty()) note(solvers, row.solver);
  }
  if (tasks.size() < 2) return "";
  std::string html = fmt::format("<h2>Overview: {}</h2>\n<div class=\"scroll\"><table><tr><th>task</th>",
                                 html_escaped(figure.heading()));
  for (const auto& solver : solvers) html += fmt::format("<th>{}</th>", html_escaped(solver));
  html += "</tr>\n";
  for (const auto& task : tasks) {
    std::vector<SummaryRow> mine;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(mine), [&](const auto& row) { return row.task == task; });
    const double best = best_of(mine, columns).front();
    html += fmt::format("<tr><td>{}</td>", html_escaped(task));
    for (const auto& solver : solvers) {
      const auto found = std::find_if(mine.begin(), mine.end(), [&](const auto& row) { return row.solver == solver; });
      const bool there = found != mine.end() && found->done > 0;
      html += fmt::format("<td{}>{}</td>", there && found->figures.front().mean == best ? " class=\"best\"" : "",
                          there                 ? found->figures.front().to_string(figure.digits)
                          : found != mine.end() ? (found->failed > 0 ? "failed" : "-")
                                                : "");
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string budget_text(const ComparisonPlan& plan, const ComparisonResult& result) {
  if (plan.budget.empty()) return "<p>Every solver ran as configured.</p>\n";
  std::string html = fmt::format(
      "<p>Budget: {}. Steps follow from two short solves on each task's first item.</p>\n<details><summary>Steps under "
      "the budget</summary><table><tr><th>task</th><th class=\"text\">solver</th><th>steps</th><th "
      "class=\"text\">note</th></tr>\n",
      plan.budget.nfe ? fmt::format("{:g} network passes per sample", *plan.budget.nfe)
                      : fmt::format("{:g} s per item", *plan.budget.seconds));
  for (const auto& choice : result.budgets) {
    html += fmt::format("<tr><td>{}</td><td class=\"text\">{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n",
                        html_escaped(choice.task), html_escaped(choice.solver),
                        choice.steps > 0 ? std::to_string(choice.steps) : "", html_escaped(choice.note));
  }
  return html + "</table></details>\n";
}

std::string legend(const std::vector<Figure>& columns) {
  std::string text;
  for (const auto& column : columns) text += html_escaped(column.title + ": " + column.explanation + ". ");
  return "<p class=\"note\">" + text +
         "NAME is the mean of the samples where there are several, NAME_sample one of them. Green: best mean of the "
         "task. Click a picture to zoom and to leaf through the methods.</p>\n";
}

std::string facts_html(const ComparisonPlan& plan, const ReportFacts& facts) {
  std::string table = "<table>\n";
  const auto add = [&](const std::string& name, const std::string& value) {
    table += fmt::format("<tr><td>{}</td><td class=\"text\">{}</td></tr>\n", html_escaped(name), html_escaped(value));
  };
  for (const auto& [name, version] : versions()) add(name, version);
  for (const auto& [prior, hash] : facts.priors) add("prior", prior + "  " + hash);
  add("device", facts.device);
  add("seed", std::to_string(facts.seed));
  return "<h2 id=\"config\">Config and versions</h2>\n<details><summary>Versions</summary>" + table +
         "</table></details>\n<details><summary>Resolved config</summary><pre>" + html_escaped(to_yaml(plan.resolved)) +
         "</pre></details>\n";
}

std::string plots_html(const std::string& item, const std::vector<Curve>& convergence, std::vector<Curve> calibration) {
  std::string plots;
  if (!convergence.empty()) {
    plots += line_plot_svg(
        convergence, {.title = "χ² of the estimate", .x_label = "step", .y_label = "χ²", .log_x = true, .log_y = true});
  }
  if (!calibration.empty()) {
    calibration.push_back({.label = "calibrated", .x = {0, 1}, .y = {0, 1}});
    plots += line_plot_svg(
        calibration,
        {.title = "intervals of the samples", .x_label = "nominal level", .y_label = "share of the truth inside"});
  }
  if (plots.empty()) return "";
  return fmt::format("<h3>convergence and calibration on {}</h3>\n<div class=\"plots\">{}</div>\n", html_escaped(item),
                     plots);
}

std::string anchor(std::size_t index) { return fmt::format("task{}", index); }

}  // namespace

ComparisonReport::Task& ComparisonReport::task_of(const TaskPlan& task, const PreparedItem& item) {
  for (auto& there : tasks_) {
    if (there.name == task.name) return there;
  }
  tasks_.push_back({.name = task.name,
                    .operator_name = item.op->name(),
                    .noise = noise_text(item),
                    .pictures = {},
                    .curves = {},
                    .calibrations = {},
                    .curves_of = {}});
  return tasks_.back();
}

void ComparisonReport::add_item(const TaskPlan& plan, const PreparedItem& item,
                                const std::vector<ComparedResult>& results) {
  Task& task = task_of(plan, item);
  task.pictures += ItemPictures(plan.name, item, results).html(results);
  if (!task.curves_of.empty()) return;
  task.curves_of = item.id;
  for (const auto& compared : results) {
    if (auto curve = calibration_of(compared)) task.calibrations.push_back(std::move(*curve));
    if (auto curve = curve_of(compared)) task.curves.push_back(std::move(*curve));
  }
}

std::string ComparisonReport::html(const ComparisonPlan& plan, const ComparisonResult& result,
                                   const ReportFacts& facts) const {
  auto columns = known_figures(result.rows);
  std::erase_if(columns, [](const Figure& figure) { return !figure.in_tables; });
  const auto summary = summarized(result.rows, columns);
  const std::string title = plan.options.title.empty() ? "Comparison of reconstructions" : plan.options.title;
  std::string body = fmt::format("<h1>{}</h1>\n<nav>", html_escaped(title));
  std::vector<std::string> names;
  for (const auto& row : summary) {
    if (names.empty() || names.back() != row.task) names.push_back(row.task);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    body += fmt::format("<a href=\"#{}\">{}</a>", anchor(i), html_escaped(names[i]));
  }
  body += "<a href=\"#config\">config and versions</a></nav>\n" + budget_text(plan, result);
  body += legend(columns) + overview(summary, columns);
  if (const auto plots = quality_plots(result); !plots.empty()) {
    body += "<h2>Quality and what it costs</h2>\n<div class=\"plots\">\n";
    for (const auto& plot : plots) body += svg_of(plot);
    body += "</div>\n";
  }
  if (const std::string paired = paired_text(against_best_classical(result)); !paired.empty()) {
    body += "<h2>Against the best classical solver</h2>\n<pre>" + html_escaped(paired) + "</pre>\n";
  }
  if (const std::string ranking = ranking_text(held_out_rankings(result.rows, result.data)); !ranking.empty()) {
    body += "<h2>Held-out data</h2>\n<pre>" + html_escaped(ranking) + "</pre>\n";
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::vector<SummaryRow> mine;
    std::copy_if(summary.begin(), summary.end(), std::back_inserter(mine),
                 [&](const auto& row) { return row.task == names[i]; });
    body += fmt::format("<h2 id=\"{}\">{}</h2>\n", anchor(i), html_escaped(names[i]));
    const auto task = std::find_if(tasks_.begin(), tasks_.end(), [&](const auto& t) { return t.name == names[i]; });
    if (task != tasks_.end()) {
      body += fmt::format("<p class=\"note\">{}; {}</p>\n", html_escaped(task->operator_name), task->noise);
    }
    body += task_table(mine, columns);
    if (task == tasks_.end()) continue;
    body += task->pictures;
    body += plots_html(task->curves_of, task->curves, task->calibrations);
  }
  return html_page(title, body + facts_html(plan, facts));
}

}  // namespace recon
