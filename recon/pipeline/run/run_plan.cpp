#include "recon/pipeline/run/run_plan.h"

#include "recon/core/error.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/items/seed_option.h"
#include "recon/pipeline/solve/guarantee.h"

namespace recon {
namespace {

void visit_plan(YamlOptions& v, RunPlan& plan, std::optional<std::uint64_t> seed) {
  v.set_resolved("input", nullptr);  // keeps its position; read when all else has been found right
  plan.options.visit(v);
  replace_seed(v, seed, plan.options.seed);
  std::set<std::string> taken;
  plan.main = read_main_solver(v, taken);
  plan.baselines.clear();
  for (const auto& section : v.sections("baselines", "methods to compare with, on the same measurement")) {
    plan.baselines.push_back(named_solver(*section, taken));
  }
}

}  // namespace

void RunOptions::visit(ParameterVisitor& v) {
  ReconstructionOptions::visit(v);
  v.field("output", output,
          "result file (.h5), or the images alone (.png, .tif, .nii, .cfl); starts at the working directory");
  v.field("preview", preview, "PNG panel of the results; starts at the working directory; empty: none");
  v.field("preview_items", preview_items, "items shown in the panel", {.min = 1, .max = 64});
  v.field("trace_every", trace_every, "store chi² every so many steps; 0: never", {.min = 0});
}

RunPlan read_run_plan(const Config& config, std::optional<std::uint64_t> seed) {
  RunPlan plan;
  YamlOptions options(config.root(), "");
  visit_plan(options, plan, seed);
  const YamlNodePtr input = options.node("input");
  options.finish();
  if (input == nullptr) {
    throw usage_error(options.location(), "`input` is missing: which measurement file is to be reconstructed?");
  }
  plan.input = read_input_plan(input);
  options.set_resolved("input", plan.input.resolved);
  plan.output = plan.options.output;
  plan.preview = plan.options.preview;
  plan.prior = prior_from(options, "prior", plan.options.prior);
  plan.calibration = find_calibration(options.path_of("calibration", plan.options.calibration), plan.options.calibration);
  plan.item_options = item_options_of(plan.options, options);
  plan.resolved = options.resolved();
  return plan;
}

}  // namespace recon
