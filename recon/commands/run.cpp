// recon run: reconstruct the items of a measurement file.
#include <fmt/format.h>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "data/hdf5/hdf5_file.h"
#include "recon/commands/progress_printer.h"
#include "recon/commands/verb_setup.h"
#include "recon/core/log.h"
#include "recon/pipeline/compare/comparison_table.h"
#include "recon/pipeline/run/reconstruction.h"
#include "recon/pipeline/solve/figures.h"
#include "recon/pipeline/solve/misfit.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const ResultRow& row) {
  ordered_json object = {{"id", row.id}, {"solver", row.solver}};
  add_figures(object, row);
  object["status"] = row.status;
  if (!row.error.empty()) object["error"] = row.error;
  return object;
}

class RunVerb final : public Verb {
 public:
  const char* name() const override { return "run"; }
  const char* summary() const override { return "Reconstruct the items of a measurement file, or a picture"; }
  const char* examples() const override {
    return R"(CONFIG is a YAML file; `input` and `prior` are paths from the config's folder (from the working directory
with --set), `output` and `preview` from the working directory. A measurement file (.h5) in its place is
reconstructed with the defaults: a solver that suits its operator (`auto`, which says what it takes) and the embedded
prior. A picture is the measurement of the --operator that is said; its noise level, in units of full scale, is
estimated if it is not. Ground truth is not needed.

Examples:
  recon run blurred.png --operator '{type: blur, std_px: 2}' --noise-std 0.01 -o sharp.png
  recon run configs/run/quickstart.yaml
  recon run measurement.h5 --samples 8 --preview panel.png
  recon run measurement.h5 --solver tv_pdhg -o tv.h5
  recon run measurement.h5 --samples 4 --check
  recon run run.yaml --steps 250 --items 3,7 --seed 1 --json > result.json
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("CONFIG", config_, "Config (YAML), measurement file (HDF5), or picture")->required();
    shortcuts_.add_to(app, {"operator", "noise_std", "solver", "steps", "prior", "precision", "samples", "items",
                            "output", "preview"});
    app.add_flag("--check", check_, "Hold out a fifth of the data and judge the image by it, without a truth");
    add_allow_misfit(app, allow_misfit_);
    add_force(app, force_);
  }

  VerbResult execute(const GlobalOptions& options) override {
    ProgressPrinter progress(options.quiet);
    const RunControls controls = controls_of(options, progress, force_);
    Config config = read_config(options);
    if (check_ && config.root()->find("hold_out") == nullptr) config.set("hold_out", "0.2", "--check");
    const RunPlan plan = read_run_plan(config, options.seed);
    return reported(plan, run_reconstruction(plan, controls));
  }

 private:
  Config read_config(const GlobalOptions& options) const {
    const InputFormat* format = recognised_format(config_);
    if (format == nullptr && !hdf5::File::looks_like_hdf5(config_)) return config_of(config_, options, shortcuts_);
    Config config = Config::from_text("", config_);
    ordered_json input = {{"files", config_}};
    if (format != nullptr) input["format"] = format->name;
    config.set("input", input.dump(), config_);
    return overridden(std::move(config), options, shortcuts_);
  }

  VerbResult reported(const RunPlan& plan, const ReconstructionResult& result) const {
    VerbResult verb;
    const bool saved = result.saved;
    verb.json["output"] = saved ? ordered_json(plan.output.string()) : ordered_json(nullptr);
    verb.json["files"] = result.files;
    verb.json["items"] = ordered_json::array();
    for (const auto& row : result.rows) verb.json["items"].push_back(json_of(row));
    verb.text = result_text(result.rows, static_cast<std::size_t>(terminal_columns(STDOUT_FILENO)));
    for (const auto& file : result.files) verb.text += "result:  " + file + "\n";
    if (saved && !plan.preview.empty()) verb.text += "picture: " + plan.preview.string() + "\n";
    if (result.interrupted) {
      log::warn("interrupted: {} item(s) done and saved", saved ? result.set.ids.size() : 0);
    }
    const bool refused = refuse_misfits(result.misfits, allow_misfit_);
    const bool failed = result.interrupted || result.failed > 0 || result.diverged > 0 || refused;
    verb.exit_code = failed ? exit_some_failed : exit_ok;
    return verb;
  }

  std::string config_;
  ConfigShortcuts shortcuts_;
  bool check_ = false;
  bool allow_misfit_ = false;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_run_verb() { return std::make_unique<RunVerb>(); }

}  // namespace recon
