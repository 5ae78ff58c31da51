#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "data/image_source.h"
#include "data/measurement_file.h"
#include "operators/noise.h"
#include "operators/operator.h"
#include "recon/config/config.h"
#include "recon/core/parameters.h"

namespace recon {

/// The top level of a simulate config, besides `operator` and `noise`.
struct SimulationOptions {
  std::vector<std::string> images;
  std::string channels = "as_stored";
  std::vector<double> crop;
  std::int64_t shrink = 1;
  std::vector<double> image_range = {0, 1};
  std::string output = "measurement.h5";
  bool keep_truth = true;
  std::int64_t seed = 0;
  std::string provenance;

  void visit(ParameterVisitor& v);
};

/// The noise to add. std and peak are in the units of the images.
struct NoiseOptions {
  std::string type = "gaussian";
  double std = 0.05;
  double peak = 100;
  at::Tensor background;

  void visit(ParameterVisitor& v);
  Noise noise() const;
};

/// A simulate config, read and checked; the operator is built when the size of the images is known.
struct SimulationPlan {
  SimulationOptions options;
  Noise noise;
  YamlNodePtr op;
  std::vector<std::string> images;  ///< paths that start at the config's folder
  std::filesystem::path output;     ///< starts at the working directory
  std::string location;
};

SimulationPlan read_simulation_plan(const Config& config);
/// The same options as a section of another config. `output` is refused there: the measurements stay in memory.
SimulationPlan read_simulation_section(const YamlNodePtr& node, const std::string& section,
                                       nlohmann::ordered_json& resolved);

/// y = A(x) + n, image by image, all of one shape. Noise is drawn per item from (seed, id), on the operator's support
/// only, so that an item is the same whatever others are asked for.
class SimulatedItems {
 public:
  /// Lists the images and builds the operator for the first one. Throws Error(data) for images that cannot be read.
  SimulatedItems(SimulationPlan plan, std::uint64_t seed);

  const MeasurementHeader& header() const { return header_; }
  const std::vector<std::string>& ids() const { return ids_; }  ///< names of the images; "name_2" for the second
  TensorSpec measurement() const { return op_->range(); }
  MeasurementItem item(std::int64_t index) const;

 private:
  at::Tensor image(std::size_t index) const;  ///< [1, C, H, W]

  SimulationPlan plan_;
  Rng rng_;
  MeasurementHeader header_;
  OperatorPtr op_;
  std::vector<ImageSource> sources_;
  std::vector<std::string> ids_;
  std::vector<std::pair<std::size_t, std::int64_t>> places_;  ///< source and index of every id
};

/// All of them as one set, for writing. `cancelled` is asked between images; what is done by then is kept.
MeasurementSet simulate(const SimulationPlan& plan, std::uint64_t seed, const std::function<bool()>& cancelled);

}  // namespace recon
