#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/image_io.h"
#include "data/samples_file.h"
#include "priors/networks/precision.h"
#include "priors/samplers/sampler.h"
#include "recon/config/config.h"
#include "recon/core/memory_budget.h"
#include "recon/core/parameters.h"
#include "recon/core/run_controls.h"

namespace recon {

/// The top level of a sample config, besides `sampler`.
struct SamplingOptions {
  std::string prior = "natural_gray";
  std::optional<Precision> precision = Precision::float32;  ///< none: auto, see precision_choice.h
  MemoryBudget memory;
  std::int64_t samples = 16;
  std::vector<std::int64_t> size;
  std::int64_t batch = 16;
  bool clip = false;
  std::int64_t seed = 0;
  std::string output = "samples.h5";
  std::string grid;
  std::int64_t grid_columns = 0;
  std::string trajectory;
  std::int64_t trajectory_samples = 1;

  void visit(ParameterVisitor& v);
};

/// A sample config, read and checked.
struct SamplingPlan {
  SamplingOptions options;
  std::string sampler_name;
  std::shared_ptr<Sampler> sampler;
  std::string prior;                               ///< name, or a path that starts at the config's folder
  std::filesystem::path output, grid, trajectory;  ///< start at the working directory; the pictures' empty: none
  std::string location_of_size;
  nlohmann::ordered_json resolved;
};

/// `seed` takes the place of the config's. Throws Error(usage) with file:line.
SamplingPlan read_sampling_plan(const Config& config, std::optional<std::uint64_t> seed);

struct SamplingResult {
  SampleSet set;                 ///< no samples when the first batch was interrupted
  std::vector<PanelTile> grid;   ///< one tile per sample
  std::vector<PanelTile> strip;  ///< per traced sample a row of x_t and a row of D(x_t), `strip_columns` each
  int strip_columns = 0;
  double relative_sigma = 0;  ///< where the walks began
  double seconds = 0;
  std::size_t diverged = 0;
  bool interrupted = false;  ///< the batch that was under way is not kept
  bool saved = false;        ///< the plan's files are written
};

/// Draws the plan's samples batch by batch and writes the plan's files, if a batch was finished. A sample depends on
/// the seed and its number: draws are the same for any `batch`, the network's rounding may differ with it in the last
/// digits.
SamplingResult run_sampling(const SamplingPlan& plan, const RunControls& controls);

}  // namespace recon
