#include "recon/pipeline/solve/result_report.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <vector>

#include "data/atomic_file.h"
#include "data/image_io.h"
#include "recon/pipeline/solve/figures.h"
#include "recon/pipeline/solve/misfit.h"
#include "recon/pipeline/solve/slices_figure.h"
#include "recon/report/html.h"
#include "recon/report/line_plot.h"

namespace recon {
namespace {

constexpr int kMapLevels = 12;
constexpr double kNormalDeviation = 1.4826;  // standard deviation over median absolute deviation of a normal law
constexpr double kStandsOut = 4;             // deviations

double sorted_quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

std::vector<double> finite_sorted(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<double> values_of(const Figure& figure, const SolverResults& results, std::size_t items) {
  std::vector<double> values;
  for (std::size_t i = 0; i < items; ++i) values.push_back(stored_figure(figure, results, i));
  return values;
}

const Figure* figure_named(const std::string& key) {
  for (const Figure& figure : figures()) {
    if (figure.key == key) return &figure;
  }
  return nullptr;
}

/// How far each value is from the median, in deviations; 0 where nothing is known or nothing varies.
std::vector<double> deviations(const std::vector<double>& values) {
  const std::vector<double> sorted = finite_sorted(values);
  std::vector<double> result(values.size(), 0);
  if (sorted.size() < 8) return result;  // too few to say what is usual
  const double median = sorted_quantile(sorted, 0.5);
  std::vector<double> distances;
  for (const double value : sorted) distances.push_back(std::abs(value - median));
  const double deviation = kNormalDeviation * sorted_quantile(finite_sorted(distances), 0.5);
  if (!(deviation > 0)) return result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) result[i] = (values[i] - median) / deviation;
  }
  return result;
}

/// An item that stands out: how much, and why.
struct Outlier {
  std::size_t item = 0;
  double rank = 0;
  std::string reason;
};

std::vector<Outlier> outliers_of(const SolverResults& results, std::size_t items) {
  std::vector<double> log_chi2(items, NAN), psnr(items, NAN);
  if (const Figure* chi2 = figure_named("chi2")) {
    log_chi2 = values_of(*chi2, results, items);
    for (double& value : log_chi2) value = value > 0 ? std::log(value) : NAN;
  }
  if (const Figure* figure = figure_named("psnr")) psnr = values_of(*figure, results, items);
  const std::vector<double> unusual = deviations(log_chi2), worse = deviations(psnr);
  std::vector<Outlier> outliers;
  for (std::size_t i = 0; i < items; ++i) {
    const std::string status = i < results.status.size() ? results.status[i] : "";
    const std::string error = i < results.error.size() ? results.error[i] : "";
    const double distance = std::max(std::abs(unusual[i]), -worse[i]);
    if (status == "failed") {
      outliers.push_back({i, 3e9, error.empty() ? status : "failed: " + error});
    } else if (status == "diverged") {
      outliers.push_back({i, 2e9, error.empty() ? status : "diverged: " + error});
    } else if (status == misfit_status) {
      outliers.push_back({i, 1e9 + std::min(distance, 1e8), "the data contradict it"});
    } else if (distance > kStandsOut) {
      const bool by_data = std::abs(unusual[i]) >= -worse[i];
      outliers.push_back({i, distance,
                          by_data ? fmt::format("chi² is {} than usual", unusual[i] > 0 ? "higher" : "lower")
                                  : "PSNR is lower than usual"});
    }
  }
  std::stable_sort(outliers.begin(), outliers.end(), [](const auto& a, const auto& b) { return a.rank > b.rank; });
  return outliers;
}

std::string row(const std::vector<std::string>& cells, const char* tag = "td") {
  std::string html = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    html += fmt::format("<{0}{1}>{2}</{0}>", tag, i == 0 ? "" : " class=\"text\"", html_escaped(cells[i]));
  }
  return html + "</tr>\n";
}

/// Quantiles of each figure, and the share of the items below each value of those that are judged by.
std::string distributions(const SolverResults& results, std::size_t items) {
  std::string table =
      "<div class=\"scroll\"><table><tr><th>figure</th><th>least</th><th>5 %</th><th>median</th>"
      "<th>95 %</th><th>most</th><th>items</th></tr>\n";
  std::string plots;
  for (const Figure& figure : figures()) {
    if (!figure.in_tables) continue;
    const std::vector<double> sorted = finite_sorted(values_of(figure, results, items));
    if (sorted.empty()) continue;
    table += fmt::format("<tr><td>{}</td>", html_escaped(figure.heading()));
    for (const double share : {0.0, 0.05, 0.5, 0.95, 1.0}) {
      table += fmt::format("<td>{:.{}f}</td>", sorted_quantile(sorted, share), figure.digits);
    }
    table += fmt::format("<td>{}</td></tr>\n", sorted.size());
    const bool judged_by = figure.key == "chi2" || figure.key == "psnr" || figure.key == "coverage_90";
    if (!judged_by || sorted.size() < 3 || !(sorted.back() > sorted.front())) continue;
    Curve curve{.label = figure.title, .x = {}, .y = {}};
    const std::size_t points = std::min<std::size_t>(sorted.size(), 200);
    for (std::size_t i = 0; i < points; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(points - 1);
      curve.x.push_back(sorted_quantile(sorted, share));
      curve.y.push_back(share);
    }
    plots += line_plot_svg({curve}, {.title = figure.title,
                                     .x_label = figure.heading(),
                                     .y_label = "share of the items below",
                                     .log_x = figure.key == "chi2" && sorted.front() > 0});
  }
  return table + "</table></div>\n<div class=\"plots\">" + plots + "</div>\n";
}

/// One channel or three, which a picture can show.
at::Tensor shown(at::Tensor image) {
  if (image.is_complex()) image = image.abs();
  return image.size(0) == 1 || image.size(0) == 3 ? image : image.mean(0, true);
}

class Pictures {
 public:
  Pictures(const ResultFile& file, const SolverResults& figures) : file_(file), figures_(figures) {}

  std::string card(std::size_t item, const std::string& group, const std::string& reason) const {
    const std::string& id = file_.header().ids[item];
    const SolverResults rows = file_.rows(static_cast<std::int64_t>(item), 1);
    std::string body;
    const at::Tensor image = shown(rows.reconstructions[0]);
    if (at::isfinite(image).all().item<bool>()) {
      body += html_figure({.group = group,
                           .picture = webp_bytes({"", image, file_.header().range}),
                           .caption = caption(item),
                           .label = id + ": " + caption(item)});
      body += slices_figure(group + "/" + id, image, file_.header().range);
    }
    if (rows.std.defined() && at::isfinite(rows.std).all().item<bool>()) {
      const at::Tensor map = shown(rows.std[0]).mean(0, true);
      const double top = std::max(map.max().item<double>(), 1e-30);
      body += html_figure({.group = group + "/std",
                           .picture = webp_bytes({"", map, {0, top}, Colormap::inferno}, kMapLevels),
                           .caption = fmt::format("standard deviation, 0 to {:.2g}", top),
                           .label = id});
    }
    if (!reason.empty()) body += "<p>" + html_escaped(reason) + "</p>\n";
    return fmt::format("<div class=\"card{}\"><h4>{}</h4>\n{}</div>\n", reason.empty() ? "" : " failed",
                       html_escaped(id), body);
  }

 private:
  std::string caption(std::size_t item) const {
    std::string text;
    for (const Figure& figure : figures()) {
      const double value = stored_figure(figure, figures_, item);
      if (!figure.in_captions || !std::isfinite(value)) continue;
      text += fmt::format("{}{} {:.{}f}{}{}", text.empty() ? "" : " · ", figure.title, value, figure.digits,
                          figure.unit.empty() ? "" : " ", figure.unit);
    }
    return text.empty() ? figures_.status[item] : text;
  }

  const ResultFile& file_;
  const SolverResults& figures_;
};

std::string facts(const ResultSet& header) {
  std::string table;
  for (const auto& [name, version] : header.versions) table += row({name, version});
  table += row({"seed", std::to_string(header.seed)});
  if (!header.prior.empty()) table += row({"prior", header.prior + "  " + header.prior_hash});
  return "<h2>Config and versions</h2>\n<details><summary>Versions</summary><table>" + table +
         "</table></details>\n<details><summary>Config</summary><pre>" + html_escaped(header.config) +
         "</pre></details>\n<details><summary>Operator</summary><pre>" + html_escaped(header.operator_config) +
         "</pre></details>\n";
}

}  // namespace

std::string ResultReport::html(const ResultFile& file) const {
  const ResultSet& header = file.header();
  const SolverResults results = file.figures();
  const std::size_t items = header.ids.size();
  const std::vector<Outlier> outliers = outliers_of(results, items);
  std::map<std::string, std::size_t> by_status;
  for (const auto& status : results.status) ++by_status[status];
  std::string body = fmt::format("<h1>{}</h1>\n<p>{} item{} by {}", html_escaped(name), items, items == 1 ? "" : "s",
                                 html_escaped(results.solver));
  for (const auto& [status, count] : by_status) body += fmt::format(" · {} {}", count, html_escaped(status));
  body += "</p>\n<h2>Figures</h2>\n" + distributions(results, items);
  const Pictures pictures(file, results);
  if (!outliers.empty()) {
    body += fmt::format("<h2>Items that stand out: {}</h2>\n<div class=\"pictures\">\n", outliers.size());
    for (std::size_t i = 0; i < std::min(outliers.size(), most_outliers); ++i) {
      body += pictures.card(outliers[i].item, "outliers", outliers[i].reason);
    }
    body += "</div>\n";
  }
  if (outliers.size() > most_outliers) {
    body += "<details><summary>The others that stand out</summary><table>";
    for (std::size_t i = most_outliers; i < outliers.size(); ++i) {
      body += row({header.ids[outliers[i].item], outliers[i].reason});
    }
    body += "</table></details>\n";
  }
  if (!header.skipped.empty()) {
    body += fmt::format("<h2>Files left out: {}</h2>\n<table>", header.skipped.size());
    for (const auto& file_left_out : header.skipped) body += row({file_left_out.name, file_left_out.reason});
    body += "</table>\n";
  }
  std::vector<bool> stands_out(items, false);
  for (const Outlier& outlier : outliers) stands_out[outlier.item] = true;
  std::string others;
  std::size_t shown_others = 0;
  for (std::size_t i = 0; i < items && shown_others < most_others; ++i) {
    if (stands_out[i]) continue;
    others += pictures.card(i, "items", "");
    ++shown_others;
  }
  if (!others.empty()) {
    body += fmt::format("<h2>The first {} of {} {}items</h2>\n<div class=\"pictures\">\n{}</div>\n", shown_others,
                        items - outliers.size(), outliers.empty() ? "" : "other ", others);
  }
  return html_page(name, body + facts(header));
}

void write_result_report(const std::string& path, const ResultFile& result, const std::string& source) {
  const ResultReport report{.name = std::filesystem::path(source).filename().string()};
  write_file_atomically(path, report.html(result));
}

}  // namespace recon
