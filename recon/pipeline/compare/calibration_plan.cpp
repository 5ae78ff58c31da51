#include "recon/pipeline/compare/calibration_plan.h"

#include "recon/core/error.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/items/seed_option.h"

namespace recon {

void CalibrationOptions::visit(ParameterVisitor& v) {
  SolvingOptions::visit(v);
  v.field("miss", miss, "share of the pixels that intervals may miss, and probability that a bound may fail",
          {.min = 0.001, .max = 0.5});
  v.field("confidence", confidence, "probability that the intervals keep `miss`", {.min = 0.5, .max = 0.999});
  v.field("output", output, "the calibration (HDF5); starts at the working directory");
  v.field("plot", plot, "stated against true coverage (SVG); starts at the working directory; empty: none");
}

CalibrationPlan read_calibration_plan(const Config& config, std::optional<std::uint64_t> seed) {
  CalibrationPlan plan;
  YamlOptions options(config.root(), "");
  options.set_resolved("input", nullptr);  // keeps its position; read when all else has been found right
  plan.options.visit(options);
  replace_seed(options, seed, plan.options.seed);
  std::set<std::string> taken;
  plan.main = read_main_solver(options, taken);
  const YamlNodePtr input = options.node("input");
  options.finish();
  if (input == nullptr) {
    throw usage_error(options.location(),
                      "`input` is missing: which measurements of known images is the solver to be tried on?");
  }
  plan.input = read_input_plan(input);
  options.set_resolved("input", plan.input.resolved);
  plan.output = plan.options.output;
  plan.plot = plan.options.plot;
  if (plan.output.empty()) throw usage_error(options.location_of("output"), "expected the name of a file");
  plan.prior = prior_from(options, "prior", plan.options.prior);
  plan.item_options = item_options_of(plan.options, options);
  plan.location_of_samples = options.location_of("samples");
  plan.resolved = options.resolved();
  return plan;
}

}  // namespace recon
