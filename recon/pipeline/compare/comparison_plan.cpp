#include "recon/pipeline/compare/comparison_plan.h"

#include <array>
#include <set>

#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/pipeline/compare/solver_option.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/solve/guarantee.h"
#include "recon/pipeline/solve/precision_choice.h"

namespace recon {
namespace {

/// What a compared solver says besides the options of the solver.
const std::set<std::string> own_keys = {"name", "samples", "antithetic", "oracle", "calibration", "prior"};
/// What belongs to each task, and to the top level where there is one task.
constexpr std::array task_keys = {"input", "items", "noise_std", "estimate_noise", "complex_image", "hold_out"};

TaskPlan task_from(const YamlOptions& options, const ItemKeys& keys) {
  TaskPlan task;
  task.items = keys.items;
  task.item_options = item_options_of(keys, options);
  return task;
}

void read_input(TaskPlan& task, const YamlNodePtr& input, YamlOptions& options) {
  task.input = read_input_plan(input);
  options.set_resolved("input", task.input->resolved);
}

TaskPlan read_task(const YamlNodePtr& node, const std::string& section, std::set<std::string>& taken,
                   nlohmann::ordered_json& resolved) {
  YamlOptions options(node, section);
  std::string name;
  options.field("name", name, "what the task is called; default: the operator, or the file's name");
  ItemKeys keys;
  keys.visit(options);
  const auto simulations = options.nodes("simulate");
  const YamlNodePtr input = options.node("input");
  options.finish();
  if (simulations.size() + (input == nullptr ? 0U : 1U) != 1) {
    throw usage_error(options.location(),
                      "expected either `input` (a measurement file) or `simulate` (images, operator, noise)");
  }
  TaskPlan task = task_from(options, keys);
  if (input != nullptr) read_input(task, input, options);
  if (!simulations.empty()) {
    nlohmann::ordered_json simulated;
    task.simulation = read_simulation_section(simulations.front(), section + ".simulate", simulated);
    options.set_resolved("simulate", simulated);
    const YamlEntry* type = task.simulation->op->find("type");
    task.name = type != nullptr ? type->value->text : "task";
  } else {
    task.name = task.input->name;
  }
  if (!name.empty()) task.name = name;
  if (!taken.insert(task.name).second) {
    throw usage_error(options.location(), "there are two tasks '{}'; give each a `name` of its own", task.name);
  }
  resolved = options.resolved();
  resolved["name"] = task.name;
  return task;
}

/// The solver that the section names, under its type; one without a solver for `auto`.
NamedSolver read_solver_or_auto(ParameterVisitor& section, const YamlNode& node) {
  if (!is_auto(node, own_keys)) return read_solver(section);
  NamedSolver automatic;
  section.field("type", automatic.name, "what suits the operator and the samples");
  return automatic;
}

ComparedSolver read_compared(ParameterVisitor& section, const YamlNode& node, std::set<std::string>& taken,
                             const ComparisonOptions& all) {
  ComparedSolver compared{.solver = {}, .samples = all.samples, .antithetic = all.antithetic};
  std::string name;
  section.field("name", name, "what its results are called; default: its type");
  section.field("samples", compared.samples, "posterior samples per item, instead of the top level's",
                {.min = 1, .max = 1024});
  section.field("antithetic", compared.antithetic, "how they are drawn, instead of the top level's");
  section.field("oracle", compared.oracle,
                "an option (`weight`) to choose by the PSNR against the ground truth: what could be, not a result");
  section.field("calibration", compared.calibration,
                "what `recon calibrate` wrote for it, a file that starts at the working directory, or a shipped one "
                "by its name, as natural_gray/box; empty: none");
  section.field("prior", compared.prior,
                "instead of the top level's; a path (it has a '/') starts at the working directory");
  compared.solver = read_solver_or_auto(section, node);
  std::string type = compared.solver.name;
  if (!compared.oracle.empty()) {
    if (compared.solver.solver == nullptr) {
      throw usage_error(section.location(), "oracle: `auto` takes no options; name the solver that it is for");
    }
    const auto option = find_option(*compared.solver.solver, compared.oracle);
    if (!option || option->integer) {
      throw usage_error(section.location(), "oracle: expected a real number among the options of {}, got '{}'", type,
                        compared.oracle);
    }
    type += "_oracle";
  }
  if (!compared.prior.empty()) type += "_" + std::filesystem::path(compared.prior).filename().string();
  compared.solver.name = name.empty() ? type : name;
  for (int i = 2; !taken.insert(compared.solver.name).second; ++i) {
    if (!name.empty()) throw usage_error(section.location(), "there are two solvers '{}'", name);
    compared.solver.name = type + "_" + std::to_string(i);
  }
  return compared;
}

void read_tasks(YamlOptions& options, ComparisonPlan& plan) {
  ItemKeys keys;
  const auto nodes = options.nodes("tasks");
  std::set<std::string> taken;
  auto resolved = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nlohmann::ordered_json task;
    plan.tasks.push_back(read_task(nodes[i], fmt::format("tasks.{}", i), taken, task));
    resolved.push_back(task);
  }
  if (nodes.empty()) {
    keys.visit(options);
    const YamlNodePtr input = options.node("input");
    if (input == nullptr) {
      throw usage_error(options.location(), "`tasks` or `input` is missing: on which measurements are they compared?");
    }
    plan.tasks.push_back(task_from(options, keys));
    read_input(plan.tasks.back(), input, options);
    plan.tasks.back().name = plan.tasks.back().input->name;
    return;
  }
  for (const char* key : task_keys) {
    if (options.given(key)) throw usage_error(options.location_of(key), "with `tasks`, this belongs to each of them");
  }
  options.set_resolved("tasks", resolved);
}

void seed_everything(ComparisonPlan& plan, std::uint64_t seed) {
  plan.options.seed = static_cast<std::int64_t>(seed);
  plan.resolved["seed"] = seed;
  for (auto& task : plan.tasks) {
    if (task.simulation) task.simulation->options.seed = plan.options.seed;
    if (task.input && task.input->simulation) task.input->simulation->options.seed = plan.options.seed;
  }
}

}  // namespace

void BudgetOptions::visit(ParameterVisitor& v) {
  v.field("nfe", nfe, "network passes per sample, forward and backward; sets `steps`", {.min = 2});
  v.field("seconds", seconds, "computing time per item, all samples; sets `steps`", {.min = 0, .open_min = true});
}

void ComparisonOptions::visit(ParameterVisitor& v) {
  v.field("title", title, "heading of the report");
  v.field(
      "prior", prior,
      "an embedded prior, or a folder with a diffusers model (a path needs a '/'); auto: natural_rgb for colour, else "
      "natural_gray");
  v.choice("precision", precision, "auto", precision_doc);
  memory.visit(v);
  v.field("samples", samples, "posterior samples per item; more than one gives mean and std", {.min = 1, .max = 1024});
  v.field("antithetic", antithetic, antithetic_doc);
  v.field("output", output, "folder for report.html, results.csv and results.json; starts at the working directory");
  v.field("seed", seed, "seed of all randomness", {.min = 0});
  v.field("trace_every", trace_every, "record chi² every so many steps, for the curves; 0: never", {.min = 0});
}

ComparisonPlan read_comparison_plan(const Config& config, std::optional<std::uint64_t> seed) {
  ComparisonPlan plan;
  YamlOptions options(config.root(), "");
  plan.options.visit(options);
  const auto budgets = options.sections("budget", "what every solver may spend");
  for (const auto& section : budgets) plan.budget.visit(*section);
  if (plan.budget.nfe && plan.budget.seconds) {
    throw usage_error(options.location_of("budget"), "expected `nfe` or `seconds`, not both");
  }
  read_tasks(options, plan);
  std::set<std::string> taken;
  const auto nodes = options.nodes("solvers");
  const auto sections = options.sections("solvers", "the methods to compare");
  for (std::size_t i = 0; i < sections.size(); ++i) {
    plan.solvers.push_back(read_compared(*sections[i], *nodes[i], taken, plan.options));
  }
  options.finish();
  if (plan.solvers.empty()) throw usage_error(options.location(), "`solvers` is missing: what is to be compared?");
  plan.output = plan.options.output;
  if (plan.output.empty()) throw usage_error(options.location_of("output"), "expected the name of a folder");
  plan.prior = prior_from(options, "prior", plan.options.prior);
  plan.resolved = options.resolved();
  for (std::size_t i = 0; i < plan.solvers.size(); ++i) {
    const auto& all = plan.resolved["solvers"];
    plan.solvers[i].options = all.is_array() ? all[i] : all;
    for (const std::string& key : own_keys) plan.solvers[i].options.erase(key);
    std::string& calibration = plan.solvers[i].calibration;
    if (calibration.empty()) continue;
    calibration = find_calibration(calibration, calibration);
    if (!plan.budget.empty() || !plan.solvers[i].oracle.empty()) {
      throw usage_error(options.location_of("solvers"),
                        "calibration: holds for a solver as it is configured, without `budget` and `oracle`");
    }
  }
  if (seed) seed_everything(plan, *seed);
  return plan;
}

}  // namespace recon
