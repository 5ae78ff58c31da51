// recon simulate: images -> measurement file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "recon/commands/progress_printer.h"
#include "recon/commands/verb_setup.h"
#include "recon/pipeline/items/simulation.h"

namespace recon {
namespace {

class SimulateVerb final : public Verb {
 public:
  const char* name() const override { return "simulate"; }
  const char* summary() const override { return "Make a measurement file from images"; }
  const char* examples() const override {
    return R"(CONFIG is a YAML file; `images` and arrays of the operator are paths from its folder (from the working
directory with --set), `output` from the working directory. Operators: recon list operators.

Examples:
  recon simulate configs/simulate/photograph_inpainting.yaml
  recon simulate sim.yaml --set images=photos/ --set noise.std=0.01 --set output=mine.h5
  recon simulate sim.yaml --set 'operator={type: blur, std_px: 2}' --seed 1
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("CONFIG", config_, "Config (YAML)")->required();
    shortcuts_.add_to(app, {"operator", "output"}, {{"operator", "operator"}});
    add_force(app, force_);
  }

  VerbResult execute(const GlobalOptions& options) override {
    ProgressPrinter progress(options.quiet);
    const RunControls controls = controls_of(options, progress, force_);
    const SimulationPlan plan = read_simulation_plan(config_of(config_, options, shortcuts_), options.seed);
    const MeasurementSet set = write_simulation(plan, controls);
    VerbResult result;
    result.json = {{"output", plan.output.string()},
                   {"items", set.ids},
                   {"image", set.header.image.to_string()},
                   {"measurement", spec_of_item(set.y).to_string()}};
    result.text = fmt::format("{}: {} item(s), {} measured as {}\n", plan.output.string(), set.ids.size(),
                              set.header.image.to_string(), spec_of_item(set.y).to_string());
    if (controls.cancelled()) result.exit_code = exit_some_failed;
    return result;
  }

 private:
  std::string config_;
  ConfigShortcuts shortcuts_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_simulate_verb() { return std::make_unique<SimulateVerb>(); }

}  // namespace recon
