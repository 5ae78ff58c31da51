#include "recon/pipeline/solve/guarantee.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <vector>

#include "priors/load_prior.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/metrics/metrics.h"
#include "recon/metrics/risk_control.h"
#include "recon/pipeline/items/prior_option.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

constexpr double same_level = 0.05;  ///< two noise levels that differ by less are one

/// What follows from the quality that samples predict and the margin; NaN without one.
double bound_of(const CalibrationSet& set, const std::map<std::string, double>& predicted, const std::string& quality) {
  const auto margin = set.margins.find(quality);
  const auto found = predicted.find(quality);
  if (margin == set.margins.end() || found == predicted.end()) return NAN;
  return more_is_better(quality) ? found->second - margin->second : found->second + margin->second;
}

fs::path calibrations_in(const std::string& priors) { return fs::path(priors) / "calibrations"; }

/// The names of all, PRIOR/TASK.
std::set<std::string> shipped_calibrations() {
  std::set<std::string> names;
  for (const std::string& priors : prior_search_folders()) {
    const fs::path folder = calibrations_in(priors);
    std::error_code missing;
    for (const auto& entry : fs::recursive_directory_iterator(folder, missing)) {
      if (entry.path().extension() != ".h5") continue;
      names.insert(fs::relative(entry.path(), folder).replace_extension().generic_string());
    }
  }
  return names;
}

/// YAML on one line.
std::string flat(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 2)) text.replace(at, 1, ", ");
  return text;
}

std::string noise_words(const Noise& noise) {
  if (!noise.counts_photons()) return to_string(noise.type);
  const std::string read =
      noise.type == NoiseType::poisson_gaussian ? fmt::format(", std {}", fmt::join(noise.std, " ")) : "";
  return fmt::format("{}, peak {}{}", to_string(noise.type), noise.peak, read);
}

}  // namespace

std::map<std::string, double> image_quality(const at::Tensor& x, const at::Tensor& truth, double data_range) {
  const at::Tensor image = x.unsqueeze(0).cpu(), other = truth.unsqueeze(0).cpu();
  std::map<std::string, double> quality = {{"psnr", psnr(image, other, data_range).front()},
                                           {"ssim", ssim(image, other, data_range).front()},
                                           {"nrmse", nrmse(image, other).front()}};
  std::erase_if(quality, [](const auto& figure) { return std::isnan(figure.second); });  // too small for SSIM
  return quality;
}

bool more_is_better(const std::string& quality) { return quality != "nrmse"; }

std::map<std::string, double> predicted_quality(const at::Tensor& x, const at::Tensor& samples, double data_range,
                                                double miss) {
  std::map<std::string, std::vector<double>> by_quality;
  for (std::int64_t s = 0; s < samples.size(0); ++s) {
    if (at::equal(samples[s].cpu(), x.cpu())) continue;
    for (const auto& [name, value] : image_quality(x, samples[s], data_range)) by_quality[name].push_back(value);
  }
  std::map<std::string, double> predicted;
  for (const auto& [name, values] : by_quality) {
    predicted[name] = quantile_of(values, more_is_better(name) ? miss : 1 - miss);
  }
  return predicted;
}

SolvingConditions solving_conditions(const SolvingOptions& options, const NamedSolver& main,
                                     const nlohmann::ordered_json& solver, const std::string& prior) {
  return {.solver = solver,
          .prior_hash = main.traits.needs_prior ? hash_of_prior(prior) : "",
          .samples = options.samples,
          .antithetic = options.antithetic,
          .select = options.select,
          .precision = options.precision.value()};
}

std::map<std::string, std::string> conditions_of(const SolvingConditions& solving, const OpenedInput& input) {
  const MeasurementHeader& header = input.source.header();
  std::map<std::string, std::string> conditions = {{"prior", solving.prior_hash.empty() ? "none" : solving.prior_hash},
                                                   {"samples", std::to_string(solving.samples)},
                                                   {"antithetic", solving.antithetic ? "true" : "false"},
                                                   {"select", to_string(solving.select)},
                                                   {"precision", to_string(solving.precision)},
                                                   {"operator", flat(header.operator_config)},
                                                   {"arrays of the operator", input.operator_hash},
                                                   {"noise", noise_words(header.noise)},
                                                   {"hold_out", fmt::format("{}", input.source.options().hold_out)},
                                                   {"images", input.source.image().to_string()},
                                                   {"complex_image", to_string(input.source.options().complex_image)}};
  if (const auto& range = input.source.options().range) {
    conditions["image_range"] = fmt::format("the {} quantile of each {}", range->quantile, to_string(range->from));
  }
  for (const auto& [option, value] : solving.solver.items()) conditions["solver." + option] = value.dump();
  return conditions;
}

AppliedCalibration::AppliedCalibration(const std::string& path) : path_(path), set_(read_calibration_file(path)) {}

void AppliedCalibration::require_conditions(const std::map<std::string, std::string>& here) const {
  const auto made_for = [&](const std::string& name) -> std::string {
    const auto found = set_.made_for.find(name);
    return found == set_.made_for.end() ? "(not said)" : found->second;
  };
  std::string differ;
  for (const auto& [name, stated] : here) {
    if (made_for(name) == stated) continue;
    // Arrays are a part of the operator: where its text differs, that says more than two hashes.
    if (name == "arrays of the operator" && made_for("operator") != here.at("operator")) continue;
    differ += fmt::format("; {}: made for {}, here {}", name, made_for(name), stated);
  }
  if (differ.empty()) return;
  throw usage_error(path_,
                    "this calibration promises nothing here: it was made under other conditions; make one with `recon "
                    "calibrate` for these{}",
                    differ);
}

void AppliedCalibration::require_level(const PreparedItem& item) const {
  if (item.noise.photons.counts_photons()) return;  // the peak is a condition
  const double level = item.noise.std;
  if (level >= set_.noise_low * (1 - same_level) && level <= set_.noise_high * (1 + same_level)) return;
  throw data_error(path_ + " item " + item.id,
                   "the calibration was made for noise levels of {:.4g} to {:.4g}, this item has {:.4g}; make one for "
                   "that level, or leave `calibration` out",
                   set_.noise_low, set_.noise_high, level);
}

Guarantee AppliedCalibration::guarantee(const at::Tensor& x, const at::Tensor& std, const at::Tensor& samples,
                                        const SamplePairs& pairs, const PreparedItem& item) const {
  const auto predicted = predicted_quality(x, samples, item.range.high - item.range.low, set_.miss);
  double covered = NAN;
  if (item.ground_truth.defined()) {
    at::Tensor image = x, truth = in_window(item.ground_truth[0].cpu(), *item.op);
    to_one_field(image, truth);
    const double stated = spread_of(samples, pairs).half_width(1 - set_.miss);
    covered = 1 - missed_share(image, std, truth, set_.std_scale * stated);
  }
  return {.interval_factor = set_.interval_factor,
          .std_scale = set_.std_scale,
          .covered = covered,
          .psnr = bound_of(set_, predicted, "psnr"),
          .ssim = bound_of(set_, predicted, "ssim"),
          .nrmse = bound_of(set_, predicted, "nrmse")};
}

std::string AppliedCalibration::text() const {
  const double percent = 100 * set_.miss;
  std::string text = fmt::format("{}, from {} images like these:", path_, set_.ids.size());
  if (std::isfinite(set_.interval_factor)) {
    text += fmt::format(" image ± {:.3g} std misses on average at most {:g} % of the pixels (confidence {:g} %);",
                        set_.interval_factor, percent, 100 * set_.confidence);
  }
  if (!set_.margins.empty()) text += fmt::format(" each bound of PSNR, SSIM, NRMSE holds with {:g} %", 100 - percent);
  return text;
}

std::string find_calibration(const fs::path& path, const std::string& value) {
  if (value.empty()) return "";
  if (fs::exists(path)) return path.string();
  for (const std::string& priors : prior_search_folders()) {
    if (const fs::path file = calibrations_in(priors) / (value + ".h5"); fs::exists(file)) return file.string();
  }
  if (path.extension() == ".h5") return path.string();  // whoever opens it says that there is none
  throw usage_error("calibration '" + value + "'",
                    "neither a file nor the name of a calibration that is shipped; known names are {}",
                    fmt::join(shipped_calibrations(), ", "));
}

AppliedCalibrationPtr apply_calibration(const std::string& path, const std::function<SolvingConditions()>& solving,
                                        const std::vector<const OpenedInput*>& inputs) {
  if (path.empty()) return nullptr;
  const auto calibration = std::make_shared<const AppliedCalibration>(path);
  const SolvingConditions conditions = solving();
  for (const auto* input : inputs) calibration->require_conditions(conditions_of(conditions, *input));
  log::info("calibration {}", calibration->text());
  return calibration;
}

}  // namespace recon
