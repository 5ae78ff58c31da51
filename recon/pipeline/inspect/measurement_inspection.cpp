#include "recon/pipeline/inspect/measurement_inspection.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "data/measurement_file.h"
#include "operators/diagnostics.h"
#include "recon/core/error.h"
#include "recon/metrics/metrics.h"
#include "recon/metrics/noise_level.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/pipeline/items/support.h"
#include "recon/pipeline/solve/misfit.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

void check_laws(Inspection& inspection, const Operator& op) {
  const OperatorReport report = check_operator(op);
  ordered_json& found = inspection.found["operator"];
  found["spectral_form"] = report.has_spectral_form;
  if (report.linear) {
    found["largest_singular_value"] = report.largest_singular_value;
    found["frobenius_squared"] = report.frobenius_squared;
    found["adjoint_scale"] = report.adjoint_scale;
  }
  for (const auto& finding : report.findings) {
    inspection.check("operator " + finding.law, finding.error, finding.bound, finding.holds());
    if (!finding.detail.empty()) inspection.found["checks"].back()["detail"] = finding.detail;
  }
}

ordered_json describe(const Operator& op) {
  return {{"name", op.name()},
          {"domain", op.domain().to_string()},
          {"range", op.range().to_string()},
          {"measured_components", op.measured_components()},
          {"linear", op.is_linear()}};
}

ordered_json describe(const MeasurementHeader& header) {
  const Noise& noise = header.noise;
  const at::Tensor& std_map = header.std_map;
  ordered_json found = {{"type", to_string(noise.type)}};
  if (!noise.std.empty()) found["std"] = noise.std;
  if (std_map.defined()) {
    const at::Tensor measured = std_map.masked_select(at::isfinite(std_map));
    found["std_map"] = {{"smallest", measured.min().item<double>()},
                        {"largest", measured.max().item<double>()},
                        {"not_measured", std_map.numel() - measured.numel()}};
  }
  if (header.correlation.covariance.defined()) found["correlated"] = "between the channels (covariance)";
  if (header.correlation.spectrum.defined()) found["correlated"] = "coloured (power_spectrum)";
  if (noise.peak > 0) found["peak"] = noise.peak;
  return found;
}

/// All items are read, so that NaN shows; with truth and a noise level chi² of the truth is evaluated.
void check_items(Inspection& inspection, const MeasurementFile& file, const OperatorPtr& shared_op) {
  const MeasurementHeader& header = file.header();
  const Noise& noise = header.noise;
  for (std::int64_t i = 0; i < file.count(); ++i) {
    const MeasurementItem item = file.item(i, Finite::unchecked);
    std::map<std::string, at::Tensor> arrays = header.operator_arrays;
    for (const auto& [name, value] : item.arrays) arrays[name] = value;
    OperatorPtr op = shared_op != nullptr
                         ? shared_op
                         : build_stored_operator(header.operator_config, arrays, header.image, file.path(), [&] {
                             return item.y;
                           }).op;
    if (item.std_map.defined()) op = measuring_only(op, at::isfinite(item.std_map));
    const std::string location = fmt::format("{}:/measurements item {} ('{}')", file.path(), i, item.id);
    require_mask_agrees(item.y, op->support(), location);
    at::Tensor y = on_support(item.y, op->support()).unsqueeze(0);
    require_finite(y[0], location);
    if (!item.ground_truth.defined() || noise.type == NoiseType::none) continue;
    at::Tensor background;
    if (header.background.defined()) {
      background = header.background.to(y.options());
      y = on_support(y - background, op->support());
    }
    Noise own = noise;
    if (noise.has_std()) own.std = {item.noise_std};
    PreparedItem prepared;
    prepared.op = op;
    prepared.y = y;
    prepared.noise = item_noise(own, 0, y, op->support(), background, item.std_map);
    if (!prepared.noise.variance.defined()) continue;
    if (header.correlation.defined()) {
      const Prewhitening whitening = prewhitening_of(op, header.correlation);
      prepared.op = whitening.op;
      prepared.y = whitening.filter->apply(y);
    }
    const at::Tensor truth = item.ground_truth.unsqueeze(0);
    const Fit fit = fit_of(truth.to(truth.is_complex() ? complex_dtype(y) : real_dtype(y)), prepared);
    const double chi2 = fit.chi2, limit = 6 * fit.chi2_error;
    if (header.truth_from_data) {  // it has this noise in it, and the maps' error beside it
      inspection.found["chi2_of_truth"].push_back({{"item", item.id}, {"chi2", chi2}});
      continue;
    }
    inspection.check("chi2 of the truth is 1, item " + item.id, std::abs(chi2 - 1), limit, std::abs(chi2 - 1) <= limit);
  }
  inspection.check("all values are finite", 0, 0, true);  // reading them throws otherwise
}

}  // namespace

Inspection inspect_measurement(const std::string& path, bool check) {
  const MeasurementFile file = MeasurementFile::open(path);
  const MeasurementHeader& header = file.header();
  Inspection inspection;
  inspection.found = {{"kind", "measurement"},
                      {"path", path},
                      {"items", file.count()},
                      {"image", header.image.to_string()},
                      {"image_range", {header.range.low, header.range.high}},
                      {"measurement", file.measurement().to_string()},
                      {"noise", describe(header)},
                      {"ground_truth", file.has_ground_truth()},
                      {"provenance", header.provenance},
                      {"operator_config", header.operator_config}};
  inspection.found["ids"] =
      std::vector<std::string>(file.ids().begin(), file.ids().begin() + std::min<std::int64_t>(file.count(), 20));
  inspection.found["operator_arrays"] = ordered_json::array();
  for (const auto& [name, value] : header.operator_arrays) inspection.found["operator_arrays"].push_back(name);
  for (const auto& name : file.per_item_arrays()) inspection.found["operator_arrays"].push_back(name + " (per item)");

  const bool per_item = !file.per_item_arrays().empty();
  std::map<std::string, at::Tensor> arrays = header.operator_arrays;
  if (per_item) {
    for (const auto& [name, value] : file.item(0, Finite::unchecked).arrays) arrays[name] = value;
  }
  const at::Tensor first = file.item(0, Finite::unchecked).y;
  const auto [op, estimated] =
      build_stored_operator(header.operator_config, arrays, header.image, path, [&] { return first; });
  inspection.found["operator"] = describe(*op);
  if (op->range() != file.measurement()) {
    throw data_error(path + ":/measurements", "the operator '{}' gives {}, the file holds {}", op->name(),
                     op->range().to_string(), file.measurement().to_string());
  }
  const at::Tensor values = on_support(first, op->support());
  if (!values.is_complex()) {
    inspection.found["minimum"] = values.min().item<double>();
    inspection.found["maximum"] = values.max().item<double>();
  }
  if (check) {
    check_laws(inspection, *op);
    check_items(inspection, file, per_item || estimated ? nullptr : op);
    if (const auto estimate = estimate_noise_level(first, op->support())) {
      inspection.found["noise_estimate"] = {
          {"item", file.ids().front()}, {"std", estimate->std},           {"relative_error", estimate->relative_error},
          {"count", estimate->count},   {"left_out", estimate->left_out}, {"method", estimate->method}};
    }
  }
  return inspection;
}

Inspection inspect_operator(const YamlNodePtr& node, const TensorSpec& image, bool check) {
  const BuiltOperator built = build_operator(node, "operator", image);
  Inspection inspection;
  inspection.found = {{"kind", "operator"}, {"operator", describe(*built.op)}, {"config", built.config}};
  if (check) check_laws(inspection, *built.op);
  return inspection;
}

}  // namespace recon
