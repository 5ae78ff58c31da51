#include "recon/pipeline/inspect/result_inspection.h"

#include <ATen/ATen.h>

#include <cmath>

#include "data/calibration_file.h"
#include "data/result_file.h"
#include "data/samples_file.h"
#include "recon/core/error.h"
#include "recon/metrics/metrics.h"
#include "recon/metrics/risk_control.h"
#include "recon/pipeline/solve/figures.h"
#include "recon/report/text_table.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

/// The values, or their mean over the items that have one.
ordered_json figures(const std::vector<double>& values, std::size_t shown) {
  if (values.size() <= shown) return values;
  const KnownMean known = mean_of_known(values);
  if (known.count == 0) return nullptr;
  return {{"mean", known.mean}, {"items", known.count}};
}

/// The words, or how often each is there.
ordered_json words(const std::vector<std::string>& values, std::size_t shown) {
  if (values.size() <= shown) return values;
  std::map<std::string, std::size_t> counts;
  for (const auto& value : values) ++counts[value];
  return counts;
}

ordered_json errors_of(const ResultFile& file, const SolverResults& results, std::size_t shown) {
  ordered_json found = ordered_json::object();
  for (std::size_t i = 0; i < results.error.size() && found.size() < shown; ++i) {
    if (!results.error[i].empty()) found[file.header().ids[i]] = results.error[i];
  }
  return found;
}

ordered_json describe(const ResultFile& file, const std::string& baseline, std::size_t shown) {
  const SolverResults results = file.figures(baseline);
  Shape shape = results.reconstructions.sizes().vec();
  shape.front() = file.count();
  ordered_json found = {{"solver", results.solver},
                        {"shape", to_string(shape)},
                        {"std", results.std.defined()},
                        {"samples", results.samples.defined()},
                        {"anomaly", results.anomaly.defined()},
                        {"chi2", figures(results.chi2, shown)},
                        {"seconds", figures(results.seconds, shown)},
                        {"status", words(results.status, shown)}};
  for (const auto& [name, values] : results.metrics) found[name] = figures(values, shown);
  if (results.device.empty()) return found;
  const auto passes = [shown](const std::vector<std::int64_t>& values) {
    return figures(std::vector<double>(values.begin(), values.end()), shown);
  };
  found["nfe_forward"] = passes(results.nfe_forward);
  found["nfe_backward"] = passes(results.nfe_backward);
  found["device"] = words(results.device, shown);
  found["errors"] = errors_of(file, results, shown);
  return found;
}

}  // namespace

Inspection inspect_result(const std::string& path, std::size_t shown) {
  const ResultFile file = ResultFile::open(path);
  const ResultSet& set = file.header();
  const std::size_t listed = std::min(set.ids.size(), shown);
  Inspection inspection;
  inspection.details = {"config", "inputs", "input_hash", "prior_hash", "versions"};
  inspection.found = {
      {"kind", "result"},
      {"path", path},
      {"items", set.ids.size()},
      {"ids", std::vector<std::string>(set.ids.begin(), set.ids.begin() + static_cast<std::ptrdiff_t>(listed))},
      {"image_range", {set.range.low, set.range.high}},
      {"main", describe(file, "", shown)},
      {"baselines", ordered_json::object()},
      {"seed", set.seed},
      {"input", set.input},
      {"input_hash", set.input_hash},
      {"prior", set.prior},
      {"prior_hash", set.prior_hash},
      {"versions", set.versions},
      {"config", set.config}};
  for (const auto& name : file.baselines()) inspection.found["baselines"][name] = describe(file, name, shown);
  for (const auto& input : set.inputs) {
    inspection.found["inputs"].push_back({{"name", input.name},
                                          {"hash", input.hash},
                                          {"operator", input.operator_config},
                                          {"operator_hash", input.operator_hash}});
  }
  for (std::size_t i = 0; i < std::min(set.skipped.size(), shown); ++i) {
    const SkippedInput& input = set.skipped[i];
    inspection.found["skipped"].push_back({{"name", input.name}, {"reason", input.reason}});
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

Inspection inspect_calibration(const std::string& path) {
  const CalibrationSet set = read_calibration_file(path);
  const auto held_out = held_out_coverage(set.misses, set.miss);
  Inspection inspection;
  inspection.found = {{"kind", "calibration"},
                      {"path", path},
                      {"images", set.ids.size()},
                      {"miss", set.miss},
                      {"confidence", set.confidence},
                      {"interval_factor", number_or_null(set.interval_factor)},
                      {"std_scale", number_or_null(set.std_scale)},
                      {"held_out_coverage", number_or_null(held_out ? held_out->mean : NAN)},
                      {"margins", set.margins},
                      {"noise_std", {set.noise_low, set.noise_high}},
                      {"made_for", set.made_for},
                      {"seed", set.seed},
                      {"versions", set.versions},
                      {"config", set.config}};
  return inspection;
}

}  // namespace recon
