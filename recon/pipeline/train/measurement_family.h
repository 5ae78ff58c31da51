#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/measurement_file.h"
#include "priors/train/trainer.h"
#include "recon/config/yaml_options.h"
#include "recon/core/parameters.h"

namespace recon {

/// The section `measurement` of a train config, besides its `operator`.
struct MeasurementFamilyOptions {
  std::vector<double> noise_std;
  bool mask_per_item = true;

  void visit(ParameterVisitor& v);
};

/// That section, read and checked: what measures the images that the network is to know them by.
struct MeasurementFamily {
  MeasurementFamilyOptions options;
  YamlNodePtr op;
  std::string location;
};

/// The section of a train config; none: it trains on images alone. Throws Error(usage) with file:line.
std::optional<MeasurementFamily> read_measurement_family(YamlOptions& config);

/// Makes `task` one for the measurement: its images of `range` are measured by the operator, built for crops of `crop`
/// pixels a side (0: the first image), of a seed of its own for each image where the operator depends on one, with
/// Gaussian noise, its std log-uniform between the ends of noise_std. Throws Error(usage) for an operator that is not
/// linear or has no spectral form.
void train_for_measurement(TrainingTask& task, const MeasurementFamily& family, const ImageRange& range,
                           std::int64_t crop);

}  // namespace recon
