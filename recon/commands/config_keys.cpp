#include "recon/commands/config_keys.h"

#include <functional>
#include <utility>

#include "recon/config/option_lister.h"
#include "recon/pipeline/batch/batch_plan.h"
#include "recon/pipeline/compare/calibration_plan.h"
#include "recon/pipeline/compare/comparison_plan.h"
#include "recon/pipeline/import/import_plan.h"
#include "recon/pipeline/items/input_plan.h"
#include "recon/pipeline/items/noise_section.h"
#include "recon/pipeline/items/simulation.h"
#include "recon/pipeline/run/run_plan.h"
#include "recon/pipeline/sample/sampling.h"
#include "recon/pipeline/train/training.h"

namespace recon {
namespace {

template <class Options>
void section(ParameterVisitor& v, const char* name, const char* doc) {
  for (const auto& inside : v.sections(name, doc)) Options().visit(*inside);
}

void kind(ParameterVisitor& v, const char* name, const char* doc) { v.sections(name, doc); }

void noise(ParameterVisitor& v, const char* doc) { read_noise(v, doc); }

void simulation(ParameterVisitor& v) {
  SimulationOptions().visit(v);
  kind(v, "operator", "what measures: `type` and its options, recon list operators");
  noise(v, "what is added to the measurement");
}

void input(ParameterVisitor& v) {
  for (const auto& inside : v.sections("input", "a measurement file (path, pattern, list), or a section with")) {
    InputOptions().visit(*inside);
    kind(*inside, "operator", "what measured the data, in place of what a measurement file says; recon list operators");
    noise(*inside, "foreign files: that of the stored numbers");
    kind(*inside, "simulate", "instead of `files`: the keys of recon list config simulate");
  }
}

constexpr const char* solver_doc =
    "a word (tv_pdhg), or `type` and its options: recon list solvers; default auto, one that suits the operator";

void run(ParameterVisitor& v) {
  input(v);
  RunOptions().visit(v);
  kind(v, "solver", solver_doc);
  kind(v, "baselines", "a list of solvers to run beside it");
}

void batch(ParameterVisitor& v) {
  input(v);
  SolvingOptions().visit(v);
  section<BatchOutput>(v, "output", "what is written");
  section<BatchSection>(v, "batch", "how items are cut");
  kind(v, "solver", solver_doc);
}

void compare(ParameterVisitor& v) {
  ComparisonOptions().visit(v);
  kind(v, "solvers",
       "a list: each a word, or `type`, its options, `name`, `samples`, `oracle`, `calibration`, `prior`");
  section<BudgetOptions>(v, "budget", "what solvers with a prior may spend");
  input(v);
  ItemKeys().visit(v);
  kind(v, "tasks", "instead of these from `input` on: a list of sections with them, or with `simulate`");
}

void calibrate(ParameterVisitor& v) {
  input(v);
  CalibrationOptions().visit(v);
  kind(v, "solver", solver_doc);
}

void sample(ParameterVisitor& v) {
  SamplingOptions().visit(v);
  kind(v, "sampler", "a word (ddim), or `type` and its options: recon list samplers");
}

void train(ParameterVisitor& v) {
  TrainingSetup().visit(v);
  kind(v, "schedule", "the noise process: a word (vp_linear), or `type` and its options: recon list schedules");
  section<NetworkOptions>(v, "network", "the U-Net to train");
  section<TrainingOptions>(v, "training", "how it is trained");
  for (const auto& inside : v.sections("measurement", "beside the noisy image, what the network is to know")) {
    MeasurementFamilyOptions().visit(*inside);
    kind(*inside, "operator", "what measures: `type` and its options, recon list operators");
  }
  for (const auto& inside : v.sections("from_measurements", "in place of `images`: a prior from measurements alone")) {
    MeasurementRoundOptions().visit(*inside);
    kind(*inside, "input", "the measurements, as in recon list config batch");
    kind(*inside, "solver", "what draws: a word or a section as there, of those that claim samples; default jfps");
    ItemKeys().visit(*inside);
    kind(*inside, "precision", "of the network while it draws, as there");
    kind(*inside, "memory", "as there");
    section<BatchSection>(*inside, "batch", "how items are cut");
  }
}

using Visit = std::function<void(ParameterVisitor&)>;

const std::vector<std::pair<std::string, Visit>>& configs() {
  static const std::vector<std::pair<std::string, Visit>> all = {
      {"run", run},
      {"batch", batch},
      {"compare", compare},
      {"calibrate", calibrate},
      {"simulate", simulation},
      {"sample", sample},
      {"train", train},
      {"import", [](ParameterVisitor& v) { ImportPlan().visit(v); }}};
  return all;
}

}  // namespace

const std::vector<std::string>& verbs_with_config() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const auto& [name, visit] : configs()) found.push_back(name);
    return found;
  }();
  return names;
}

nlohmann::ordered_json config_keys(const std::string& verb) {
  for (const auto& [name, visit] : configs()) {
    if (name != verb) continue;
    OptionLister lister;
    visit(lister);
    return lister.options();
  }
  return nlohmann::ordered_json::array();
}

std::string config_keys_text(const std::string& verb) {
  const nlohmann::ordered_json keys = config_keys(verb);
  return keys.empty() ? "" : "Keys of the config, with their defaults:\n" + options_as_text(keys, 2);
}

}  // namespace recon
