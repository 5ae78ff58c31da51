#include "recon/pipeline/inspection.h"

#include <ATen/ATen.h>

#include <cmath>

#include "data/measurement_file.h"
#include "data/result_file.h"
#include "data/samples_file.h"
#include "operators/diagnostics.h"
#include "operators/noise.h"
#include "recon/core/error.h"
#include "recon/metrics/metrics.h"
#include "recon/metrics/noise_level.h"
#include "recon/pipeline/image_mapping.h"
#include "recon/pipeline/operator_source.h"

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

ordered_json describe(const MeasurementNoise& noise) {
  ordered_json found = {{"type", noise.type}};
  if (!noise.std.empty()) found["std"] = noise.std;
  if (noise.peak > 0) found["peak"] = noise.peak;
  return found;
}

/// All items are read, so that NaN shows; with truth and a noise level chi² of the truth is judged.
void check_items(Inspection& inspection, const MeasurementFile& file, const OperatorPtr& shared_op) {
  const MeasurementHeader& header = file.header();
  const Noise noise{.type = noise_type_from(header.noise.type), .std = header.noise.std, .peak = header.noise.peak};
  for (std::int64_t i = 0; i < file.count(); ++i) {
    const MeasurementItem item = file.item(i);
    if (!item.ground_truth.defined() || noise.type == NoiseType::none) continue;
    std::map<std::string, at::Tensor> arrays = header.operator_arrays;
    for (const auto& [name, value] : item.arrays) arrays[name] = value;
    const OperatorPtr op = shared_op != nullptr
                               ? shared_op
                               : build_stored_operator(header.operator_config, arrays, header.image, file.path(), [&] {
                                   return item.y;
                                 }).op;
    const at::Tensor y = item.y.unsqueeze(0);
    Noise own = noise;
    if (noise.has_std()) own.std = {item.noise_std};
    const ItemNoise level = item_noise(own, 0, y);
    if (!level.variance.defined()) continue;
    const auto measured = static_cast<double>(op->measured_components());
    const at::Tensor truth = item.ground_truth.unsqueeze(0);
    const at::Tensor residual = y - op->apply(truth.to(truth.is_complex() ? complex_dtype(y) : real_dtype(y)));
    const double chi2 = reduced_chi2(residual, level.variance, op->measured_components()).front();
    // Five standard errors of a mean of squares; Poisson data at low counts are not quite normal.
    const double limit = (noise.counts_photons() ? 10 : 5) * std::sqrt(2 / measured);
    inspection.check("chi2 of the truth is 1, item " + item.id, std::abs(chi2 - 1), limit, std::abs(chi2 - 1) <= limit);
  }
  inspection.check("all values are finite", 0, 0, true);  // reading them throws otherwise
}

}  // namespace

void Inspection::check(const std::string& name, double value, double limit, bool ok) {
  found["checks"].push_back({{"check", name}, {"value", value}, {"limit", limit}, {"passed", ok}});
  passed = passed && ok;
}

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
                      {"noise", describe(header.noise)},
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
    for (const auto& [name, value] : file.item(0).arrays) arrays[name] = value;
  }
  const auto [op, estimated] =
      build_stored_operator(header.operator_config, arrays, header.image, path, [&] { return file.item(0).y; });
  inspection.found["operator"] = describe(*op);
  if (op->range() != file.measurement()) {
    throw data_error(path + ":/measurements", "the operator '{}' gives {}, the file holds {}", op->name(),
                     op->range().to_string(), file.measurement().to_string());
  }
  if (check) {
    check_laws(inspection, *op);
    check_items(inspection, file, per_item || estimated ? nullptr : op);
    if (const auto estimate = estimate_noise_level(file.item(0).y, op->support())) {
      inspection.found["noise_estimate"] = {{"item", file.ids().front()},
                                            {"std", estimate->std},
                                            {"count", estimate->count},
                                            {"method", estimate->method}};
    }
  }
  return inspection;
}

namespace {

constexpr std::size_t shown_items = 64;  ///< of more, figures are summarised

/// The values, or their mean over the items that have one.
ordered_json figures(const std::vector<double>& values) {
  if (values.size() <= shown_items) return values;
  double sum = 0;
  std::size_t count = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    ++count;
  }
  if (count == 0) return nullptr;
  return {{"mean", sum / static_cast<double>(count)}, {"items", count}};
}

/// The words, or how often each is there.
ordered_json words(const std::vector<std::string>& values) {
  if (values.size() <= shown_items) return values;
  std::map<std::string, std::size_t> counts;
  for (const auto& value : values) ++counts[value];
  return counts;
}

ordered_json errors_of(const ResultFile& file, const SolverResults& results) {
  ordered_json found = ordered_json::object();
  for (std::size_t i = 0; i < results.error.size() && found.size() < shown_items; ++i) {
    if (!results.error[i].empty()) found[file.header().ids[i]] = results.error[i];
  }
  return found;
}

ordered_json describe(const ResultFile& file, const std::string& baseline) {
  const SolverResults results = file.figures(baseline);
  Shape shape = results.reconstructions.sizes().vec();
  shape.front() = file.count();
  ordered_json found = {{"solver", results.solver},       {"shape", to_string(shape)},
                        {"std", results.std.defined()},   {"samples", results.samples.defined()},
                        {"chi2", figures(results.chi2)},  {"seconds", figures(results.seconds)},
                        {"status", words(results.status)}};
  for (const auto& [name, values] : results.metrics) found[name] = figures(values);
  if (results.device.empty()) return found;
  const auto passes = [](const std::vector<std::int64_t>& values) {
    return figures(std::vector<double>(values.begin(), values.end()));
  };
  found["nfe_forward"] = passes(results.nfe_forward);
  found["nfe_backward"] = passes(results.nfe_backward);
  found["device"] = words(results.device);
  found["errors"] = errors_of(file, results);
  return found;
}

}  // namespace

Inspection inspect_result(const std::string& path) {
  const ResultFile file = ResultFile::open(path);
  const ResultSet& set = file.header();
  Inspection inspection;
  inspection.found = {
      {"kind", "result"},
      {"path", path},
      {"items", set.ids.size()},
      {"ids", std::vector<std::string>(set.ids.begin(),
                                       set.ids.begin() + std::min<std::ptrdiff_t>(file.count(), shown_items))},
      {"image_range", {set.range.low, set.range.high}},
      {"main", describe(file, "")},
      {"baselines", ordered_json::object()},
      {"seed", set.seed},
      {"input", set.input},
      {"input_hash", set.input_hash},
      {"prior", set.prior},
      {"prior_hash", set.prior_hash},
      {"versions", set.versions},
      {"config", set.config}};
  for (const auto& name : file.baselines()) inspection.found["baselines"][name] = describe(file, name);
  for (const auto& input : set.inputs) {
    inspection.found["inputs"].push_back({{"name", input.name},
                                          {"hash", input.hash},
                                          {"operator", input.operator_config},
                                          {"operator_hash", input.operator_hash}});
  }
  return inspection;
}

Inspection inspect_samples(const std::string& path) {
  const SampleSet set = read_samples_file(path);
  const at::Tensor values = set.samples.to(at::kDouble);
  const auto diverged = std::count(set.status.begin(), set.status.end(), "diverged");
  Inspection inspection;
  inspection.found = {{"kind", "samples"},
                      {"path", path},
                      {"shape", to_string(Shape(set.samples.sizes().vec()))},
                      {"image_range", {set.range.low, set.range.high}},
                      {"mean", values.mean().item<double>()},
                      {"std", values.std(/*unbiased=*/false).item<double>()},
                      {"diverged", diverged},
                      {"sampler", set.sampler},
                      {"nfe", set.nfe},
                      {"seed", set.seed},
                      {"prior", set.prior},
                      {"prior_hash", set.prior_hash},
                      {"versions", set.versions},
                      {"config", set.config}};
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
