#include "recon/pipeline/run/result_assembly.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace recon {
namespace {

/// Mean chi² of the batch entries per traced step.
at::Tensor trace_of(const Report& report) {
  std::vector<double> values;
  for (const auto& entry : report.trace) {
    double sum = 0;
    for (const double chi2 : entry.chi2) sum += chi2;
    values.push_back(sum / static_cast<double>(std::max<std::size_t>(entry.chi2.size(), 1)));
  }
  return at::tensor(values, at::kDouble);
}

/// Traces of items that stopped early are filled with NaN.
at::Tensor stacked_traces(const std::vector<at::Tensor>& traces, std::int64_t length) {
  std::vector<at::Tensor> rows;
  for (const auto& trace : traces) {
    rows.push_back(at::cat({trace, at::full({length - trace.numel()}, NAN, at::kDouble)}));
  }
  return at::stack(rows);
}

std::string with_psnr(const ResultRow& row, const std::string& label) {
  return std::isnan(row.psnr) ? label : fmt::format("{} {:.1f} dB", label, row.psnr);
}

/// A one-channel map of the standard deviation.
at::Tensor std_map(const at::Tensor& std) { return std.mean(0, true); }

}  // namespace

ResultAssembly::ResultAssembly(const RunPlan& plan, const ImageRange& range) : plan_(plan) {
  result_.set.range = range;
  for (const auto& baseline : plan.baselines) columns_.emplace_back(baseline.name);
  columns_.emplace_back(plan.main.name);
}

void ResultAssembly::add(const PreparedItem& item, const std::vector<MethodResult>& methods) {
  result_.set.ids.push_back(item.id);
  for (std::size_t i = 0; i < methods.size(); ++i) {
    const MethodResult& method = methods[i];
    Columns& columns = columns_[i];
    columns.x.push_back(method.x);
    if (method.std.defined()) columns.std.push_back(method.std);
    if (plan_.options.keep_samples) columns.samples.push_back(method.samples);
    columns.rows.push_back(method.rows.front());
    if (method.uncertainty.split) columns.prior_part.push_back(method.uncertainty.split->prior_part);
    if (method.uncertainty.chi2_map.defined()) columns.chi2_maps.push_back(method.uncertainty.chi2_map);
    if (method.uncertainty.quantiles.defined()) columns.quantiles.push_back(method.uncertainty.quantiles);
    if (const auto& found = method.uncertainty.calibration) {
      for (std::size_t k = 0; k < found->nominal.size(); ++k) {
        columns.coverage[fmt::format("coverage_{:.0f}", 100 * found->nominal[k])].push_back(found->covered[k]);
      }
    }
    if (!method.report.trace.empty()) {
      columns.traces.push_back(trace_of(method.report));
      if (method.report.trace.size() > columns.trace_steps.size()) {
        columns.trace_steps.clear();
        columns.trace_sigmas.clear();
        for (const auto& entry : method.report.trace) {
          columns.trace_steps.push_back(static_cast<double>(entry.step));
          columns.trace_sigmas.push_back(entry.relative_sigma);
        }
      }
    }
    for (const auto& row : method.rows) {
      result_.interrupted = result_.interrupted || row.status == to_string(Outcome::stopped_early);
      result_.rows.push_back(row);
    }
  }
  if (static_cast<std::int64_t>(result_.set.ids.size()) <= plan_.options.preview_items) add_tiles(item, methods);
}

void ResultAssembly::add_failed(const std::string& id, const std::string& error) {
  ++result_.failed;
  ResultRow row;
  row.id = id;
  row.solver = plan_.main.name;
  row.status = "failed";
  row.error = error;
  result_.rows.push_back(std::move(row));
}

void ResultAssembly::add_tiles(const PreparedItem& item, const std::vector<MethodResult>& methods) {
  std::vector<PanelTile> tiles;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    tiles.push_back({with_psnr(methods[i].rows.front(), columns_[i].name), methods[i].x, item.range});
  }
  if (const at::Tensor& std = methods.back().std; std.defined()) {
    const at::Tensor map = std_map(std);
    tiles.back().label = with_psnr(methods.back().rows.front(),
                                   columns_.back().name + (plan_.options.select == "mean" ? " mean" : " best fit"));
    tiles.push_back({fmt::format("std, yellow {:.3g}", map.max().item<double>()),
                     map,
                     {0, std::max(map.max().item<double>(), 1e-30)},
                     Colormap::inferno});
  }
  if (item.ground_truth.defined()) tiles.push_back({"truth", item.ground_truth[0], item.range});
  result_.tiles_per_item = static_cast<int>(tiles.size());
  result_.tiles.insert(result_.tiles.end(), tiles.begin(), tiles.end());
}

SolverResults ResultAssembly::collected(const Columns& columns) const {
  SolverResults results;
  results.solver = columns.name;
  results.reconstructions = at::stack(columns.x);
  if (!columns.std.empty()) results.std = at::stack(columns.std);
  if (!columns.samples.empty()) results.samples = at::stack(columns.samples);
  const auto stacked = [&](const std::vector<at::Tensor>& maps) {
    return !maps.empty() && maps.size() == columns.x.size() ? at::stack(maps) : at::Tensor();
  };
  results.quantiles = stacked(columns.quantiles);
  results.prior_part = stacked(columns.prior_part);
  results.chi2_map = stacked(columns.chi2_maps);
  const auto known = [&](double ResultRow::*figure) {
    return std::any_of(columns.rows.begin(), columns.rows.end(),
                       [&](const auto& row) { return !std::isnan(row.*figure); });
  };
  const bool has_crps = known(&ResultRow::crps), has_prior_fraction = known(&ResultRow::prior_fraction);
  for (const auto& row : columns.rows) {
    if (has_crps) results.metrics["crps"].push_back(row.crps);
    if (has_prior_fraction) results.metrics["imagined_share"].push_back(row.prior_fraction);
    results.metrics["psnr"].push_back(row.psnr);
    results.metrics["ssim"].push_back(row.ssim);
    results.metrics["nrmse"].push_back(row.nrmse);
    results.chi2.push_back(row.chi2);
    results.status.push_back(row.status);
    results.nfe_forward.push_back(row.nfe_forward);
    results.nfe_backward.push_back(row.nfe_backward);
    results.seconds.push_back(row.seconds);
    results.peak_mib.push_back(row.peak_mib);
  }
  for (const auto& [name, values] : columns.coverage) {
    if (values.size() == columns.rows.size()) results.metrics[name] = values;
  }
  if (columns.traces.size() == columns.x.size()) {
    results.trace["step"] = at::tensor(columns.trace_steps, at::kDouble);
    results.trace["relative_sigma"] = at::tensor(columns.trace_sigmas, at::kDouble);
    results.trace["chi2"] = stacked_traces(columns.traces, static_cast<std::int64_t>(columns.trace_steps.size()));
  }
  return results;
}

ReconstructionResult ResultAssembly::finish() {
  if (!result_.set.ids.empty()) {
    result_.set.main = collected(columns_.back());
    for (std::size_t i = 0; i + 1 < columns_.size(); ++i) {
      result_.set.baselines[columns_[i].name] = collected(columns_[i]);
    }
  }
  return std::move(result_);
}

}  // namespace recon
