// recon simulate: images -> measurement file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "data/atomic_file.h"
#include "recon/commands/interruption.h"
#include "recon/commands/verb.h"
#include "recon/pipeline/items/simulation.h"

namespace recon {
namespace {

class SimulateVerb final : public Verb {
 public:
  const char* name() const override { return "simulate"; }
  const char* summary() const override { return "Make a measurement file from images"; }
  const char* examples() const override {
    return "CONFIG is a YAML file; `images` and arrays of the operator are paths from its folder (from the working\n"
           "directory with --set), `output` from the working directory. Operators: recon list operators.\n\n"
           "Examples:\n"
           "  recon simulate configs/simulate/photograph_inpainting.yaml\n"
           "  recon simulate sim.yaml --set images=photos/ --set noise.std=0.01 --set output=mine.h5\n"
           "  recon simulate sim.yaml --set 'operator={type: blur, std_px: 2}' --seed 1\n";
  }

  void describe(CLI::App& app) override { app.add_option("CONFIG", config_, "Config (YAML)")->required(); }

  VerbResult execute(const GlobalOptions& options) override {
    Config config = Config::from_file(config_);
    for (const auto& assignment : options.set) config.set(assignment);
    const SimulationPlan plan = read_simulation_plan(config);
    { const AtomicFile writable(plan.output.string()); }  // before any work
    const CancellationToken& stop = interruption();
    const MeasurementSet set = simulate(plan, options.seed.value_or(static_cast<std::uint64_t>(plan.options.seed)),
                                        [&] { return stop.cancelled(); });
    write_measurement_file(plan.output.string(), set);
    VerbResult result;
    result.json = {{"output", plan.output.string()},
                   {"items", set.ids},
                   {"image", set.header.image.to_string()},
                   {"measurement", spec_of_item(set.y).to_string()}};
    result.text = fmt::format("{}: {} item(s), {} measured as {}\n", plan.output.string(), set.ids.size(),
                              set.header.image.to_string(), spec_of_item(set.y).to_string());
    if (stop.cancelled()) result.exit_code = exit_some_failed;
    return result;
  }

 private:
  std::string config_;
};

}  // namespace

std::unique_ptr<Verb> make_simulate_verb() { return std::make_unique<SimulateVerb>(); }

}  // namespace recon
