#include "recon/pipeline/solve/result_columns.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/pipeline/solve/figures.h"

namespace recon {
namespace {

/// One tensor per item, NaN where an item has none, or fewer samples than others; undefined when no item has one.
at::Tensor stacked_column(std::vector<at::Tensor> rows) {
  const auto known = std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row.defined(); });
  if (known == rows.end()) return {};
  at::Tensor like = *known;
  for (const auto& row : rows) {
    if (row.defined() && row.size(0) > like.size(0)) like = row;
  }
  for (auto& row : rows) {
    if (row.defined() && row.size(0) == like.size(0)) continue;
    const at::Tensor whole = at::full_like(like, NAN);
    if (row.defined()) whole.narrow(0, 0, row.size(0)).copy_(row);
    row = whole;
  }
  return at::stack(rows);
}

}  // namespace

std::vector<double> mean_trace(const Report& report) {
  std::vector<double> values;
  for (const auto& entry : report.trace) {
    double sum = 0;
    for (const double chi2 : entry.chi2) sum += chi2;
    values.push_back(sum / static_cast<double>(std::max<std::size_t>(entry.chi2.size(), 1)));
  }
  return values;
}

void ResultColumns::add(const ItemOutcome& outcome) {
  const MethodResult nothing;
  const MethodResult& method = outcome.result ? *outcome.result : nothing;
  x_.push_back(method.x);
  std_.push_back(method.std);
  samples_.push_back(options_.keep_samples ? method.samples : at::Tensor());
  quantiles_.push_back(method.uncertainty.quantiles);
  prior_part_.push_back(method.uncertainty.split ? method.uncertainty.split->prior_part : at::Tensor());
  anomaly_.push_back(method.anomaly);
  chi2_maps_.push_back(method.uncertainty.chi2_map);
  add_trace(method.report);
  ResultRow row;
  row.status = "failed";
  if (outcome.error) row.error = outcome.error->what();
  rows_.push_back(outcome.result ? method.rows.front() : row);
}

void ResultColumns::add_trace(const Report& report) {
  traces_.push_back(report.trace.empty() ? at::Tensor() : at::tensor(mean_trace(report), at::kDouble));
  if (report.trace.size() <= trace_steps_.size()) return;
  trace_steps_.clear();
  trace_sigmas_.clear();
  for (const auto& entry : report.trace) {
    trace_steps_.push_back(static_cast<double>(entry.step));
    trace_sigmas_.push_back(entry.relative_sigma);
  }
}

SolverResults ResultColumns::results() const {
  SolverResults results;
  results.solver = solver_;
  store_images(results);
  for (const auto& figure : figures()) {
    std::vector<double> values;
    for (const auto& row : rows_) values.push_back(row.figure(figure.key));
    store_figure(figure, values, results);
  }
  for (const auto& row : rows_) {
    results.status.push_back(row.status);
    if (options_.device.empty()) continue;
    results.error.push_back(row.error);
    results.device.push_back(options_.device);
  }
  store_trace(results);
  return results;
}

void ResultColumns::store_images(SolverResults& results) const {
  results.reconstructions = stacked_column(x_);
  if (!results.reconstructions.defined()) {
    Shape shape = image_.shape;
    shape.insert(shape.begin(), static_cast<std::int64_t>(rows_.size()));
    results.reconstructions =
        at::full(shape, NAN, image_.scalar == ScalarKind::complex ? at::kComplexFloat : at::kFloat);
  }
  results.std = stacked_column(std_);
  results.samples = stacked_column(samples_);
  results.quantiles = stacked_column(quantiles_);
  results.prior_part = stacked_column(prior_part_);
  results.anomaly = stacked_column(anomaly_);
  results.chi2_map = stacked_column(chi2_maps_);
}

/// Traces of items that stopped early are filled with NaN.
void ResultColumns::store_trace(SolverResults& results) const {
  if (trace_steps_.empty()) return;
  std::vector<at::Tensor> rows;
  const auto length = static_cast<std::int64_t>(trace_steps_.size());
  for (const auto& trace : traces_) {
    rows.push_back(at::full({length}, NAN, at::kDouble));
    if (trace.defined()) rows.back().narrow(0, 0, trace.numel()).copy_(trace);
  }
  results.trace["step"] = at::tensor(trace_steps_, at::kDouble);
  results.trace["relative_sigma"] = at::tensor(trace_sigmas_, at::kDouble);
  results.trace["chi2"] = at::stack(rows);
}

}  // namespace recon
