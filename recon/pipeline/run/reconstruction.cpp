#include "recon/pipeline/run/reconstruction.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "data/atomic_file.h"
#include "data/image_output.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/opened_input.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/run/result_assembly.h"
#include "recon/pipeline/solve/complex_choice.h"
#include "recon/pipeline/solve/engine.h"
#include "recon/pipeline/solve/precision_choice.h"
#include "recon/pipeline/solve/prior_choice.h"
#include "recon/pipeline/solve/solver_choice.h"

namespace recon {
namespace {

/// Before hours of computing.
void require_outputs(const RunPlan& plan, const std::vector<std::string>& ids, bool overwrite) {
  const std::string output = plan.output.string();
  const std::string ending = plan.output.extension().string();
  if (!has_image_ending(output) && !ending.empty() && ending != ".h5" && ending != ".hdf5") {
    throw usage_error(output, "expected an output that ends in .h5 (everything), or for the images alone in {}",
                      alternatives(image_endings()));
  }
  for (const auto& file : plan.input.find_files()) {
    std::error_code absent;
    if (!std::filesystem::equivalent(file.path, plan.output, absent)) continue;
    throw usage_error(plan.output.string(), "`output` is the measurement file itself; choose another name");
  }
  for (const auto& file : image_files(output, ids)) require_writable(file, overwrite);
  if (!plan.preview.empty()) require_writable(plan.preview.string(), overwrite);
}

bool needs_prior(const RunPlan& plan) {
  bool needed = plan.main.traits.needs_prior;
  for (const auto& baseline : plan.baselines) needed = needed || baseline.traits.needs_prior;
  return needed;
}

/// The baselines, then the main solver.
std::vector<Method> methods_of(const RunPlan& plan, const PriorPtr& prior, const AppliedCalibrationPtr& calibration) {
  const ItemOptions& options = plan.item_options;
  const auto method = [&](const NamedSolver& solver, const AppliedCalibrationPtr& applied = nullptr) {
    return Method{.runner = ItemRunner(solver, prior, options.complex_image, options.location_of_complex_image,
                                       {.selection = plan.options.select,
                                        .antithetic = plan.options.antithetic,
                                        .calibration = applied,
                                        .prior_slices = options.prior_slices}),
                  .samples = plan.options.samples,
                  .trace_every = plan.options.trace_every,
                  .in_series = plan.options.series > 1};
  };
  std::vector<Method> methods;
  for (const auto& baseline : plan.baselines) methods.push_back(method(baseline));
  methods.push_back(method(plan.main, calibration));
  return methods;
}

/// `wanted` are the indices of the items that were to be reconstructed.
void describe_run(const RunPlan& plan, const OpenedInput& input, const std::vector<std::int64_t>& wanted,
                  bool with_prior, ResultSet& set) {
  set.config = to_yaml(plan.resolved);
  set.operator_config = input.source.header().operator_config;
  set.seed = static_cast<std::uint64_t>(plan.options.seed);
  set.versions = versions();
  set.input = input.path;
  set.input_hash = input.hash;
  if (const auto& geometry = input.source.header().geometry; geometry && set.ids.size() == wanted.size()) {
    set.geometry = of_slices(*geometry, wanted);
  }
  if (const double scale = input.source.header().scale; scale != 1) set.scale.assign(set.ids.size(), scale);
  if (!with_prior) return;
  set.prior = plan.prior;
  set.prior_hash = hash_of_prior(plan.prior);
}

SolvingConditions conditions_of(const RunPlan& plan) {
  return solving_conditions(plan.options, plan.main, plan.resolved["solver"], plan.prior);
}

void write_files(const RunPlan& plan, ReconstructionResult& result) {
  if (result.set.ids.empty()) return;
  if (has_image_ending(plan.output.string())) {
    const SolverResults& main = result.set.main;
    result.files = write_images(plan.output.string(), {.images = main.reconstructions,
                                                       .ids = result.set.ids,
                                                       .range = result.set.range,
                                                       .geometry = result.set.geometry,
                                                       .scale = result.set.scale});
  } else {
    write_result_file(plan.output.string(), result.set);
    result.files = {plan.output.string()};
  }
  if (!plan.preview.empty()) write_png_panel(plan.preview.string(), result.tiles, result.tiles_per_item);
  result.saved = true;
}

}  // namespace

ReconstructionResult run_reconstruction(const RunPlan& stated, const RunControls& controls) {
  RunPlan plan = stated;
  OpenedInput input = open_single_input(plan.input, plan.item_options);
  const std::vector<std::int64_t> wanted = input.source.indices(plan.options.items);
  std::vector<std::string> ids;
  for (const std::int64_t index : wanted) ids.push_back(input.source.ids()[static_cast<std::size_t>(index)]);
  require_outputs(plan, ids, controls.overwrite);
  std::set<std::string> baselines;
  for (const auto& baseline : plan.baselines) baselines.insert(baseline.name);
  const std::vector<FirstItem> first = {{&input.source, wanted.front()}};
  settle_solver(plan.main, plan.resolved, first, plan.options.samples, controls.device, baselines);
  settle_prior(plan.prior, plan.resolved, first, needs_prior(plan));
  settle_precision(plan.options.precision, plan.resolved, needs_prior(plan), plan.prior, input.source.image().shape,
                   controls.device);
  const PriorPtr prior =
      needs_prior(plan) ? open_prior(plan.prior, *plan.options.precision, plan.options.memory.bytes()) : nullptr;
  settle_complex_image({&input.source}, prior != nullptr, controls.device);
  const auto calibration = apply_calibration(plan.calibration, [&] { return conditions_of(plan); }, {&input});
  SingleItems items(input.source, wanted, controls.device, plan.options.series);
  ResultAssembly assembly(plan, input.source);
  Engine engine({.seed = static_cast<std::uint64_t>(plan.options.seed), .memory = plan.options.memory.bytes()},
                controls);
  engine.run(items, methods_of(plan, prior, calibration), assembly);
  if (assembly.failed() == wanted.size()) throw *assembly.first_fault();
  ReconstructionResult result = assembly.finish();
  result.interrupted = result.interrupted || controls.cancelled();
  describe_run(plan, input, wanted, prior != nullptr, result.set);
  write_files(plan, result);
  return result;
}

}  // namespace recon
