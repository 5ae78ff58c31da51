#include "recon/pipeline/compare/quality_curves.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "recon/pipeline/solve/figures.h"

namespace recon {
namespace {

/// Of one setting: what its items sum to.
struct Sums {
  std::string type;
  std::set<std::pair<std::string, std::string>> items;  ///< task and item
  std::map<std::string, double> figures;                ///< NaN where an item does not know it

  double mean(const std::string& key) const { return figures.at(key) / static_cast<double>(items.size()); }
};

double cost_of(const ResultRow& row, const std::string& cost) {
  return cost == "passes" ? row.figure("nfe_forward") + row.figure("nfe_backward") : row.figure(cost);
}

/// By the solvers' order in the rows.
std::vector<Sums> settings_of(const ComparisonResult& result) {
  std::vector<std::string> names;
  std::vector<Sums> settings;
  for (const auto& [task, row, note] : result.rows) {
    const auto compared = result.solvers.find(row.solver);
    if (compared == result.solvers.end() || compared->second.knows_truth || !row.error.empty()) continue;
    const auto found = std::find(names.begin(), names.end(), row.solver);
    const auto at = static_cast<std::size_t>(found - names.begin());
    if (found == names.end()) {
      names.push_back(row.solver);
      settings.push_back({.type = compared->second.type, .items = {}, .figures = {}});
    }
    settings[at].items.emplace(task, row.id);
    for (const char* key : {"psnr", "crps"}) settings[at].figures[key] += row.figure(key);
    for (const char* key : {"passes", "seconds"}) settings[at].figures[key] += cost_of(row, key);
  }
  std::size_t most = 0;
  for (const auto& setting : settings) most = std::max(most, setting.items.size());
  std::erase_if(settings, [&](const Sums& setting) { return setting.items.size() < most; });
  // Those that cost no passes last: a type has one colour in all plots.
  std::stable_partition(settings.begin(), settings.end(), [](const Sums& s) { return s.figures.at("passes") > 0; });
  return settings;
}

bool several_settings(const std::vector<Sums>& settings) {
  std::map<std::string, int> count;
  for (const auto& setting : settings) ++count[setting.type];
  return std::any_of(count.begin(), count.end(), [](const auto& entry) { return entry.second > 1; });
}

std::vector<Curve> curves_of(const std::vector<Sums>& settings, const std::string& figure, const std::string& cost) {
  std::vector<std::string> types;
  std::map<std::string, std::vector<std::pair<double, double>>> points;
  for (const auto& setting : settings) {
    const double x = setting.mean(cost), y = setting.mean(figure);
    if (!std::isfinite(x) || !std::isfinite(y) || x <= 0) continue;
    if (!points.contains(setting.type)) types.push_back(setting.type);
    points[setting.type].emplace_back(x, y);
  }
  std::vector<Curve> curves;
  for (const auto& type : types) {
    Curve curve{.label = type, .x = {}, .y = {}};
    std::sort(points[type].begin(), points[type].end());
    for (const auto& [x, y] : points[type]) {
      curve.x.push_back(x);
      curve.y.push_back(y);
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

}  // namespace

std::vector<QualityPlot> quality_plots(const ComparisonResult& result) {
  const std::vector<Sums> settings = settings_of(result);
  std::vector<QualityPlot> plots;
  if (!several_settings(settings)) return plots;
  const auto all = figures();
  for (const char* key : {"psnr", "crps"}) {
    const auto figure = std::find_if(all.begin(), all.end(), [&](const Figure& f) { return f.key == key; });
    for (const char* cost : {"passes", "seconds"}) {
      QualityPlot plot{.figure = key,
                       .cost = cost,
                       .title = figure->heading(),
                       .x_label = std::string(cost) == "passes" ? "network passes, all samples" : "seconds an item",
                       .curves = curves_of(settings, key, cost)};
      if (!plot.curves.empty()) plots.push_back(std::move(plot));
    }
  }
  return plots;
}

std::string svg_of(const QualityPlot& plot) {
  return line_plot_svg(plot.curves,
                       {.title = plot.title, .x_label = plot.x_label, .y_label = plot.title, .log_x = true});
}

}  // namespace recon
