#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/image_source.h"
#include "data/measurement_file.h"
#include "operators/operator.h"
#include "recon/config/config.h"
#include "recon/core/noise.h"
#include "recon/core/parameters.h"
#include "recon/core/rng.h"
#include "recon/core/run_controls.h"

namespace recon {

/// The top level of a simulate config, besides `operator` and `noise`.
struct SimulationOptions {
  std::vector<std::string> images;
  ChannelRule channels = ChannelRule::as_stored;
  std::vector<std::int64_t> crop;
  std::int64_t shrink = 1;
  bool volume = false;
  std::vector<double> image_range = {0, 1};
  std::string output = "measurement.h5";
  bool keep_truth = true;
  bool mask_per_item = false;
  std::int64_t seed = 0;
  std::string provenance;

  void visit(ParameterVisitor& v);
};

/// A simulate config, read and checked; the operator is built when the size of the images is known.
struct SimulationPlan {
  SimulationOptions options;
  Noise noise;
  at::Tensor background;  ///< what is measured of a black image; undefined: nothing
  at::Tensor std_map;     ///< the noise of single entries; undefined: `noise` says all
  NoiseCorrelation correlation;
  YamlNodePtr op;
  std::vector<std::string> images;  ///< paths that start at the config's folder
  std::filesystem::path output;     ///< starts at the working directory
  std::string location;
};

/// `seed` takes the place of the config's. Throws Error(usage) with file:line.
SimulationPlan read_simulation_plan(const Config& config, std::optional<std::uint64_t> seed);
/// The same options as a section of another config. `output` is refused there: the measurements stay in memory.
SimulationPlan read_simulation_section(const YamlNodePtr& node, const std::string& section,
                                       nlohmann::ordered_json& resolved);

/// y = A(x) + n, image by image, all of one shape. Noise is drawn per item from (seed, id), on the operator's support
/// only, so that an item is the same whatever others are asked for.
class SimulatedItems {
 public:
  /// Lists the images and builds the operator for the first one. Throws Error(data) for images that cannot be read.
  explicit SimulatedItems(SimulationPlan plan);

  const MeasurementHeader& header() const { return header_; }
  const std::vector<std::string>& ids() const { return ids_; }  ///< names of the images; "name_2" for the second
  TensorSpec measurement() const { return op_->range(); }
  MeasurementItem item(std::int64_t index) const;

 private:
  at::Tensor image(std::size_t index) const;  ///< [1, C, H, W], of a volume [1, C, D, H, W]
  at::Tensor stacked_slices(const ImageSource& source, const std::string& id) const;  ///< [C, D, H, W]

  SimulationPlan plan_;
  Rng rng_;
  OperatorPtr operator_of(std::int64_t index) const;

  MeasurementHeader header_;
  OperatorPtr op_;
  std::int64_t mask_seed_ = 0;  ///< of the first item's, where each has its own
  std::vector<ImageSource> sources_;
  std::vector<std::string> ids_;
  std::vector<std::pair<std::size_t, std::int64_t>> places_;  ///< source and index of every id
};

/// All of them as one set. Cancellation is looked at between images; what is done by then is kept.
MeasurementSet simulate(const SimulationPlan& plan, const RunControls& controls);
/// The same, and writes the plan's output.
MeasurementSet write_simulation(const SimulationPlan& plan, const RunControls& controls);

}  // namespace recon
