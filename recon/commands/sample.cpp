// recon sample: draw images from a prior.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "recon/commands/progress_printer.h"
#include "recon/commands/verb_setup.h"
#include "recon/core/log.h"
#include "recon/pipeline/sample/sampling.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

ordered_json path_or_null(const std::filesystem::path& path) {
  return path.empty() ? ordered_json(nullptr) : ordered_json(path.string());
}

class SampleVerb final : public Verb {
 public:
  const char* name() const override { return "sample"; }
  const char* summary() const override { return "Draw images from a prior"; }
  const char* examples() const override {
    return R"(CONFIG is a YAML file; `prior` is a name or a path from its folder (from the working directory with --set),
`output`, `grid` and `trajectory` from the working directory. Samplers: recon list samplers.

Examples:
  recon sample configs/sample/natural_gray.yaml
  recon sample configs/sample/natural_gray.yaml --set samples=64 --set size=[64,64] --seed 1
  recon sample sample.yaml --set 'sampler={type: pf_ode_heun, steps: 20}' --set trajectory=way.png
  recon sample sample.yaml --set prior=./my_prior/ --set sampler.process=edm_rho --json
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("CONFIG", config_, "Config (YAML)")->required();
    shortcuts_.add_to(app, {"prior", "precision", "steps", "samples", "output"}, {{"steps", "sampler.steps"}});
    add_force(app, force_);
  }

  VerbResult execute(const GlobalOptions& options) override {
    ProgressPrinter progress(options.quiet);
    const RunControls controls = controls_of(options, progress, force_);
    const SamplingPlan plan = read_sampling_plan(config_of(config_, options, shortcuts_), options.seed);
    return reported(plan, run_sampling(plan, controls));
  }

 private:
  static VerbResult reported(const SamplingPlan& plan, const SamplingResult& result) {
    VerbResult verb;
    const std::size_t count = result.set.status.size();
    const bool saved = result.saved;
    verb.json = {{"output", saved ? path_or_null(plan.output) : ordered_json(nullptr)},
                 {"grid", saved ? path_or_null(plan.grid) : ordered_json(nullptr)},
                 {"trajectory", saved ? path_or_null(plan.trajectory) : ordered_json(nullptr)},
                 {"samples", count},
                 {"diverged", result.diverged},
                 {"sampler", plan.sampler_name},
                 {"nfe", plan.sampler->nfe()},
                 {"start_relative_sigma", result.relative_sigma},
                 {"seconds", result.seconds}};
    verb.text = fmt::format("{} sample(s) by {}, {} network passes each from relative sigma {:.4g}, {:.1f} s\n", count,
                            plan.sampler_name, plan.sampler->nfe(), result.relative_sigma, result.seconds);
    if (saved) verb.text += "samples:    " + plan.output.string() + "\n";
    if (saved && !plan.grid.empty()) verb.text += "picture:    " + plan.grid.string() + "\n";
    if (saved && !plan.trajectory.empty()) verb.text += "trajectory: " + plan.trajectory.string() + "\n";
    if (result.diverged > 0)
      log::warn("{} of {} samples diverged; use more steps or another spacing", result.diverged, count);
    if (result.interrupted) log::warn("interrupted: {} of {} samples drawn and saved", count, plan.options.samples);
    verb.exit_code = result.interrupted || result.diverged > 0 ? exit_some_failed : exit_ok;
    return verb;
  }

  std::string config_;
  ConfigShortcuts shortcuts_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_sample_verb() { return std::make_unique<SampleVerb>(); }

}  // namespace recon
