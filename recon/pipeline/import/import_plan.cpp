#include "recon/pipeline/import/import_plan.h"

#include "recon/config/yaml_options.h"
#include "recon/core/error.h"

namespace recon {

void ImportOptions::visit(ParameterVisitor& v) {
  v.choice(
      "noise", noise, "auto",
      "what the coils are whitened by: a noise scan, the air beside the object at high phase encodings, the "
      "corners of k-space (err to the high side), nothing; auto: the scan where there is one, else the background");
  v.field("coils", coils, "virtual coils to compress to; 0: keep all", {.min = 0});
  v.field("keep_oversampling", keep_oversampling, "keep the oversampling of the readout and of the phase encoding");
  v.choice("coil_maps", coil_maps,
           "how maps are found; later: by estimation.method when the file is reconstructed; file: read maps_file");
  v.field("maps_file", maps_file,
          "BART array of maps [H, W, 1, coils], for the file's own coils; of one slice for all, or of each (axis 13)");
}

void ImportPlan::visit(ParameterVisitor& v) {
  options.visit(v);
  reading.visit(v);
  for (const auto& section : v.sections("estimation", "how coil maps are estimated")) estimation.visit(*section);
  for (const auto& section : v.sections("undersampling", "keep only some samples of fully sampled data")) {
    undersample = true;
    undersampling.visit(*section);
  }
}

ImportPlan read_import_plan(const Config& config) {
  ImportPlan plan;
  YamlOptions options(config.root(), "");
  plan.visit(options);
  options.finish();
  const bool own_coils = plan.options.noise == NoiseReference::none && plan.options.coils == 0;
  if ((plan.options.coil_maps == CoilMapSource::file) == plan.options.maps_file.empty() ||
      (plan.options.coil_maps == CoilMapSource::file && !own_coils)) {
    throw usage_error(options.location_of("coil_maps"),
                      "`coil_maps: file` and `maps_file` go together, with `noise: none` and no compression: the maps "
                      "are those of the file's own coils");
  }
  plan.resolved = options.resolved();
  return plan;
}

}  // namespace recon
