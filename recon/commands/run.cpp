// recon run: reconstruct the items of a measurement file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "data/hdf5/hdf5_file.h"
#include "recon/commands/interruption.h"
#include "recon/commands/progress_printer.h"
#include "recon/commands/verb.h"
#include "recon/core/cuda_backend.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/compare/comparison_table.h"
#include "recon/pipeline/run/reconstruction.h"
#include "recon/pipeline/solve/misfit.h"
#include "recon/report/text_table.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const ResultRow& row) {
  ordered_json object = {{"id", row.id},
                         {"solver", row.solver},
                         {"psnr", number_or_null(row.psnr)},
                         {"ssim", number_or_null(row.ssim)},
                         {"nrmse", number_or_null(row.nrmse)},
                         {"chi2", number_or_null(row.chi2)},
                         {"crps", number_or_null(row.crps)},
                         {"coverage_90", number_or_null(row.coverage_90)},
                         {"imagined_share", number_or_null(row.prior_fraction)},
                         {"nfe_forward", row.nfe_forward},
                         {"nfe_backward", row.nfe_backward},
                         {"seconds", row.seconds},
                         {"peak_mib", row.peak_mib},
                         {"status", row.status}};
  if (!row.error.empty()) object["error"] = row.error;
  return object;
}

std::string table(const std::vector<ResultRow>& rows) {
  std::vector<ComparisonRow> lines;
  for (const auto& row : rows) lines.push_back({"", row});
  return comparison_text(lines);
}

class RunVerb final : public Verb {
 public:
  const char* name() const override { return "run"; }
  const char* summary() const override { return "Reconstruct the items of a measurement file"; }
  const char* examples() const override {
    return "CONFIG is a YAML file; `input` and `prior` are paths from the config's folder (from the working directory\n"
           "with --set), `output` and `preview` from the working directory. A measurement file (.h5) in its place is\n"
           "reconstructed with the defaults: DPS with the embedded prior. Ground truth is not needed.\n\n"
           "Examples:\n"
           "  recon run configs/run/quickstart.yaml\n"
           "  recon run measurement.h5 --set samples=8 --set preview=panel.png\n"
           "  recon run run.yaml --set solver.steps=250 --set items=[3,7] --seed 1 --json > result.json\n"
           "  recon run run.yaml --set 'solver={type: tv_pdhg}' --set output=tv.h5\n";
  }

  void describe(CLI::App& app) override {
    app.add_option("CONFIG", config_, "Config (YAML) or measurement file (HDF5)")->required();
    add_allow_misfit(app, allow_misfit_);
  }

  VerbResult execute(const GlobalOptions& options) override {
    const CancellationToken& stop = interruption();  // from here on Ctrl-C saves instead of killing
    const RunPlan plan = read_run_plan(read_config(options));
    ProgressPrinter progress(options.quiet);
    RunControls controls{.device = parse_device(options.device),
                         .seed = options.seed.value_or(static_cast<std::uint64_t>(plan.options.seed)),
                         .cancellation = &stop,
                         .on_begin =
                             [&](const std::string& label) {
                               log::debug("begin {}", label);
                               progress.begin(label);
                             },
                         .on_step = [&](const ProgressEvent& event) { progress.update(event); },
                         .on_end = [&] { progress.end(); }};
    refuse_overwriting_input(plan);
    return reported(plan, run_reconstruction(plan, controls));
  }

 private:
  Config read_config(const GlobalOptions& options) const {
    const bool measurement = hdf5::File::looks_like_hdf5(config_);
    Config config = measurement ? Config::from_text("", config_) : Config::from_file(config_);
    if (measurement) config.set("input=" + nlohmann::json(config_).dump());
    for (const auto& assignment : options.set) config.set(assignment);
    return config;
  }

  static void refuse_overwriting_input(const RunPlan& plan) {
    for (const auto& file : plan.input.find_files()) {
      std::error_code absent;
      if (!std::filesystem::equivalent(file.path, plan.output, absent)) continue;
      throw usage_error(plan.output.string(), "`output` is the measurement file itself; choose another name");
    }
  }

  VerbResult reported(const RunPlan& plan, const ReconstructionResult& result) const {
    VerbResult verb;
    const bool saved = !result.set.ids.empty();
    if (saved) write_result_file(plan.output.string(), result.set);
    if (saved && !plan.preview.empty()) {
      write_png_panel(plan.preview.string(), result.tiles, result.tiles_per_item);
    }
    verb.json["output"] = saved ? ordered_json(plan.output.string()) : ordered_json(nullptr);
    verb.json["items"] = ordered_json::array();
    for (const auto& row : result.rows) verb.json["items"].push_back(json_of(row));
    verb.text = table(result.rows);
    if (saved) verb.text += "result:  " + plan.output.string() + "\n";
    if (saved && !plan.preview.empty()) verb.text += "picture: " + plan.preview.string() + "\n";
    if (result.interrupted) {
      log::warn("interrupted: {} item(s) done and saved", saved ? result.set.ids.size() : 0);
    }
    std::size_t misfits = 0, diverged = 0;
    for (const auto& row : result.rows) {
      misfits += row.status == misfit_status && row.solver == plan.main.name ? 1U : 0U;
      diverged += row.status == to_string(Outcome::diverged) && row.solver == plan.main.name ? 1U : 0U;
    }
    const bool refused = refuse_misfits(misfits, allow_misfit_);
    const bool failed = result.interrupted || result.failed > 0 || diverged > 0 || refused;
    verb.exit_code = failed ? exit_some_failed : exit_ok;
    return verb;
  }

  std::string config_;
  bool allow_misfit_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_run_verb() { return std::make_unique<RunVerb>(); }

}  // namespace recon
