#include "recon/pipeline/solve/solving_options.h"

#include "priors/slices_prior.h"
#include "recon/core/error.h"
#include "recon/pipeline/solve/precision_choice.h"

namespace recon {
bool is_auto(const YamlNode& section, std::set<std::string> allowed) {
  const YamlEntry* type = section.find("type");
  if (type == nullptr || type->value->text != "auto") return false;
  allowed.insert("type");
  for (const auto& entry : section.entries) {
    if (allowed.contains(entry.key)) continue;
    throw usage_error(entry.location, "solver: `auto` takes no options; name the solver that '{}' is for", entry.key);
  }
  return true;
}

void ItemKeys::visit(ParameterVisitor& v) {
  v.field("items", items, "`all`, or the ids of the items to reconstruct");
  v.field("noise_std", noise_std, "noise level per real component, in units of the file, instead of the file's own",
          {.min = 0});
  v.field("estimate_noise", estimate_noise, "take the noise level from the data: errs to the high side");
  v.choice(
      "complex_image", complex_image,
      "how a real prior treats complex images; auto: phase_from_centre where the data allow it, else two_channels");
  v.field("hold_out", hold_out,
          "share of the data that the solver does not see and its image is judged by, without a truth; 0: none",
          {.min = 0, .max = 0.9});
  v.field(
      "prior_slices", prior_slices,
      "of volumes: the slices that a prior for images looks at, of axial, coronal and sagittal; several: their mean");
}

void SolvingOptions::visit(ParameterVisitor& v) {
  ItemKeys::visit(v);
  v.field(
      "prior", prior,
      "an embedded prior, or a folder with a diffusers model (a path needs a '/'); auto: natural_rgb for colour, else "
      "natural_gray");
  v.choice("precision", precision, "auto", precision_doc);
  memory.visit(v);
  v.field("samples", samples, "posterior samples per item; more than one gives mean and std", {.min = 1, .max = 1024});
  v.field("antithetic", antithetic, antithetic_doc);
  v.field("seed", seed, "seed of all randomness", {.min = 0});
  v.choice("select", select,
           "several samples: their mean, or the one that fits the measurement best (phase retrieval)");
}

void ReconstructionOptions::visit(ParameterVisitor& v) {
  SolvingOptions::visit(v);
  v.field("keep_samples", keep_samples, "store every sample in the result file");
  v.field("calibration", calibration,
          "what `recon calibrate` wrote, or a shipped calibration by its name, as natural_gray/box: intervals and "
          "bounds with a guarantee; empty: none");
  v.field("series", series,
          "so many items in a row belong together, as the frames of a film: with the solver's `start: previous` each "
          "begins where the one before it ended",
          {.min = 1});
}

NamedSolver named_solver(ParameterVisitor& section, std::set<std::string>& taken) {
  NamedSolver named = read_solver(section);
  const std::string type = named.name;
  for (int i = 2; !taken.insert(named.name).second; ++i) named.name = type + "_" + std::to_string(i);
  return named;
}

NamedSolver read_main_solver(YamlOptions& options, std::set<std::string>& taken) {
  const std::vector<YamlNodePtr> given = options.nodes("solver");
  if (given.size() > 1) {
    throw usage_error(options.location_of("solver"), "expected one solver; `recon run` takes others under baselines");
  }
  if (given.empty() || is_auto(*as_section(given.front()))) {
    options.set_resolved("solver", {{"type", "auto"}});
    return {};
  }
  return named_solver(*options.sections("solver", "the method whose result is the reconstruction").front(), taken);
}

ItemOptions item_options_of(const ItemKeys& keys, const YamlOptions& config) {
  if (keys.estimate_noise && keys.noise_std) {
    throw usage_error(config.location_of("estimate_noise"), "expected `noise_std` or `estimate_noise`, not both");
  }
  std::vector<SliceOrientation> orientations;
  for (const auto& word : keys.prior_slices) {
    orientations.push_back(from_word<SliceOrientation>(word, config.location_of("prior_slices")));
  }
  if (orientations.empty() || std::set(orientations.begin(), orientations.end()).size() != orientations.size()) {
    throw usage_error(config.location_of("prior_slices"), "expected some of axial, coronal and sagittal, each once");
  }
  return {.noise_std = keys.noise_std,
          .estimate_noise = keys.estimate_noise,
          .complex_image = keys.complex_image,
          .hold_out = keys.hold_out,
          .prior_slices = orientations,
          .location_of_noise_std = config.location_of("noise_std"),
          .location_of_complex_image = config.location_of("complex_image")};
}

NamedSolver read_solver(ParameterVisitor& section) {
  std::string type = "dps";
  section.field("type", type, "the kind of solver; `recon list solvers` shows all");
  const SolverKind& kind = solver_kinds().find(type, section.location());
  NamedSolver named{.name = type, .solver = kind.make(), .traits = kind.traits};
  named.solver->visit(section);
  return named;
}

}  // namespace recon
