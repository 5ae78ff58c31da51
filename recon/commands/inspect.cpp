// recon inspect: what is in a file or folder, and is it sound.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <limits>

#include "data/hdf5/hdf5_file.h"
#include "data/image_io.h"
#include "data/kspace_file.h"
#include "data/result_file.h"
#include "priors/load_prior.h"
#include "recon/commands/verb_setup.h"
#include "recon/config/config.h"
#include "recon/config/option_lister.h"
#include "recon/core/error.h"
#include "recon/pipeline/import/raw_import.h"
#include "recon/pipeline/inspect/denoising_inspection.h"
#include "recon/pipeline/inspect/external_inspection.h"
#include "recon/pipeline/inspect/measurement_inspection.h"
#include "recon/pipeline/inspect/network_inspection.h"
#include "recon/pipeline/inspect/picture_inspection.h"
#include "recon/pipeline/inspect/prior_inspection.h"
#include "recon/pipeline/inspect/result_inspection.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

bool is_known_prior(const std::string& name) {
  const auto names = embedded_priors();
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Numbers with four digits, and the summaries of many items, {"mean": 3.1, "items": 70} and {"finished": 69, "failed":
/// 1}, as a line each.
nlohmann::ordered_json in_lines(const nlohmann::ordered_json& value) {
  if (value.is_number_float() && std::isfinite(value.get<double>())) {
    return nlohmann::ordered_json::parse(fmt::format("{:.4g}", value.get<double>()));
  }
  if (value.is_array()) {
    nlohmann::ordered_json entries = nlohmann::ordered_json::array();
    for (const auto& entry : value) entries.push_back(in_lines(entry));
    return entries;
  }
  if (!value.is_object() || value.empty()) return value;
  if (value.contains("mean") && value.contains("items")) {
    return fmt::format("mean {:.6g} of {} items", value["mean"].get<double>(), value["items"].get<std::size_t>());
  }
  std::vector<std::string> counts;
  nlohmann::ordered_json lines = nlohmann::ordered_json::object();
  for (const auto& [key, entry] : value.items()) {
    if (entry.is_object() && entry.empty()) continue;
    if (entry.is_number_unsigned()) counts.push_back(fmt::format("{} {}", entry.get<std::size_t>(), key));
    lines[key] = in_lines(entry);
  }
  if (counts.size() == value.size()) return fmt::format("{}", fmt::join(counts, ", "));
  return lines;
}

std::string text_of(Inspection inspection, bool all) {
  const nlohmann::ordered_json checks = inspection.found.value("checks", nlohmann::ordered_json::array());
  inspection.found.erase("checks");
  bool more = false;
  if (!all) {
    if (inspection.found.contains("main")) inspection.found["main"] = in_lines(inspection.found["main"]);
    for (const auto& key : inspection.details) more = inspection.found.erase(key) > 0 || more;
  }
  std::string text;
  for (const auto& [key, value] : inspection.found.items()) {
    if (!all && (value == "" || value == nlohmann::ordered_json::object())) continue;
    if (value.is_string() && value.get<std::string>().find('\n') != std::string::npos) {
      std::string block = value.get<std::string>();
      for (std::size_t at = 0; (at = block.find('\n', at)) != std::string::npos; at += 3) block.replace(at, 1, "\n  ");
      text += key + ":\n  " + block.substr(0, block.find_last_not_of(" \n") + 1) + "\n";
    } else {
      text += to_yaml({{key, value}});
    }
  }
  for (const auto& check : checks) {
    text += fmt::format("{}  {:<58} {:.3g} (limit {:.3g})\n", check["passed"].get<bool>() ? "ok    " : "FAILED",
                        check["check"].get<std::string>(), check["value"].get<double>(), check["limit"].get<double>());
    if (check.contains("detail")) text += "        " + check["detail"].get<std::string>() + "\n";
  }
  if (more) text += fmt::format("({} and all items: --all)\n", fmt::join(inspection.details, ", "));
  return text;
}

class InspectVerb final : public Verb {
 public:
  const char* name() const override { return "inspect"; }
  const char* summary() const override {
    return "Show what is in a measurement, result, samples file, prior, config or operator";
  }
  const char* examples() const override {
    return R"(TARGET: a measurement, result or samples file or any other HDF5 file, a file of another program
(`recon list formats`), a folder of DICOM files, a prior (its folder, or the name of an embedded one), a config with an
`operator` section, a safetensors file, an exported network (.pt2), a picture, raw MRI data that `recon import` takes.
--check exits with 1 when something is not sound.

Examples:
  recon inspect measurement.h5 --check      operator laws, finite values, chi2 of the truth
  recon inspect theirs.h5 --config mine.yaml   what is in it, and a config that reads it
  recon inspect model.pt2                   what an exported network takes and gives, and whether it is allowed
  recon inspect scan.nxs                    views, flat fields, rotation axis of a tomography scan
  recon inspect natural_gray --check        the embedded prior: is it a denoiser, and is its card right?
  recon inspect PRIOR_DIR --check --images photos/     with pictures of the kind it was trained on
  recon inspect PRIOR_DIR --golden record.safetensors --tolerance 1e-5   proves a port
  recon inspect natural_gray --denoise photos/            PSNR at fixed noise levels, beside total variation
  recon inspect --operator '{type: blur, std_px: 2}' --image 1,64,64 --check
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("TARGET", target_, "File, folder or name of a prior");
    app.add_flag("--check", check_, "Run the self-tests");
    app.add_flag("--all", all_, "Of a result: every item's figures, the config and the inputs");
    app.add_option("--config", config_, "Write the config that is proposed for an HDF5 file of others to this file");
    app.add_option("--golden", golden_, "Recorded outputs of a prior's network (safetensors: x, t, out[, v, vjp])");
    app.add_option("--tolerance", tolerance_, "Largest relative error that --golden allows")->capture_default_str();
    app.add_option(
           "--denoise", denoise_,
           "Sets of images (file, folder or FILE.h5:/dataset; the option may be repeated) for a prior to denoise "
           "at the yardstick's noise levels, beside total variation")
        ->allow_extra_args(false);
    app.add_option("--images", images_,
                   "For --check of a prior: images of its kind (files, folder or FILE.h5:/dataset), instead of a "
                   "shipped picture");
    app.add_option("--count", count_, "How many of them")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--operator", operator_, "An operator as YAML, instead of TARGET");
    app.add_option("--image", image_, "Shape of the images for an operator: C,H,W, of volumes C,D,H,W")
        ->delimiter(',')
        ->expected(3, 4);
    app.add_flag("--complex", complex_, "The images for an operator are complex");
  }

  VerbResult execute(const GlobalOptions& options) override {
    const Inspection inspection = inspect(options);
    if (!config_.empty()) write_proposed_config(inspection, target_, config_);
    VerbResult result;
    result.json = inspection.found;
    result.json["passed"] = inspection.passed;
    result.text = text_of(inspection, all_);
    result.exit_code = inspection.passed ? exit_ok : exit_some_failed;
    return result;
  }

 private:
  Inspection inspect(const GlobalOptions& options) const {
    if (!operator_.empty() && target_.empty()) {
      return inspect_operator(parse_yaml(operator_, {.name = "--operator", .folder = {}, .with_lines = false}), image(),
                              check_);
    }
    if (target_.empty()) throw usage_error("inspect", "expected a TARGET or --operator; see `recon inspect --help`");
    if (!denoise_.empty()) return inspect_denoising(prior_target(), denoise_, count_);
    if (!golden_.empty()) return inspect_golden(target_, golden_, tolerance_);
    if (is_known_prior(target_)) return inspect_prior(target_, check_, images_);
    if (fs::is_directory(target_) && recognised_format(target_) != nullptr) return inspect_external(target_);
    if (has_bare_weights(target_)) return inspect_weights(target_);
    if (fs::is_directory(target_)) return inspect_prior(prior_target(), check_, images_);
    if (is_kspace_file(target_)) return {.found = describe_kspace(read_kspace(target_))};
    if (!fs::exists(target_)) throw usage_error(target_, "no such file, folder or embedded prior");
    const std::string extension = fs::path(target_).extension().string();
    if (extension == ".yaml" || extension == ".yml") return inspect_config(options);
    if (extension == ".safetensors") return inspect_safetensors(target_);
    if (extension == ".pt2") return inspect_exported_network(target_);
    if (is_torch_file(target_)) return inspect_weights(target_);
    const InputFormat* known = recognised_format(target_);
    if (known != nullptr && known->name != "picture") return inspect_external(target_);
    if (is_image_name(target_)) return inspect_picture(target_);
    if (known != nullptr) return inspect_external(target_);
    if (!hdf5::File::looks_like_hdf5(target_)) {
      throw data_error(target_,
                       "expected an HDF5 file, a YAML config, a safetensors file, a picture or a prior's folder");
    }
    const std::string format = hdf5_format(target_);
    if (format == "recon-result")
      return inspect_result(target_, all_ ? std::numeric_limits<std::size_t>::max() : options.json ? 64 : 8);
    if (format == "recon-samples") return inspect_samples(target_);
    if (format == "recon-calibration") return inspect_calibration(target_);
    if (format.empty()) return inspect_external(target_);
    return inspect_measurement(target_, check_);
  }

  Inspection inspect_config(const GlobalOptions& options) const {
    const Config config = config_of(target_, options);
    const YamlEntry* entry = config.root()->find("operator");
    if (entry == nullptr) throw usage_error(target_, "there is no `operator` section to inspect");
    return inspect_operator(entry->value, image(), check_);
  }

  TensorSpec image() const { return {image_, complex_ ? ScalarKind::complex : ScalarKind::real}; }

  /// A folder's name without a slash would be looked up among the embedded priors.
  std::string prior_target() const {
    return !is_prior_path(target_) && !is_known_prior(target_) && fs::is_directory(target_) ? "./" + target_ : target_;
  }

  std::string target_, config_, golden_, images_, operator_;
  std::vector<std::string> denoise_;
  std::int64_t count_ = 32;
  bool check_ = false, complex_ = false, all_ = false;
  double tolerance_ = 1e-4;
  Shape image_ = {1, 64, 64};
};

}  // namespace

std::unique_ptr<Verb> make_inspect_verb() { return std::make_unique<InspectVerb>(); }

}  // namespace recon
