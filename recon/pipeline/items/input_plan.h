#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "recon/config/yaml_node.h"
#include "recon/core/noise.h"
#include "recon/core/parameters.h"
#include "recon/pipeline/items/input_files.h"
#include "recon/pipeline/items/input_format.h"
#include "recon/pipeline/items/measured_range.h"
#include "recon/pipeline/items/noise_section.h"
#include "recon/pipeline/items/simulation.h"

namespace recon {

/// A config's `input` section. Only `files` is for measurement files (data/FORMAT.md), which say the rest themselves;
/// the other keys say it for the files of others, besides the options of their format (input_format.h) and the sections
/// `operator`, as anywhere else, and `noise`.
struct InputOptions {
  std::vector<std::string> files;
  std::string format = "auto";
  double offset = 0;
  std::string scale;
  std::string slices;
  std::vector<double> image_range = {0, 1};

  void visit(ParameterVisitor& v);
};

/// Items first .. last-1 of a file, as numpy writes it: "10:20", ":5", "-3:"; negative ends count from the end.
struct SliceRange {
  std::int64_t first = 0;
  std::optional<std::int64_t> last;

  /// The indices among `count` items, in order; empty when the range has none of them.
  std::vector<std::int64_t> of(std::int64_t count) const;
};

/// A config's `input`, read and checked; no file has been looked for.
struct InputPlan {
  InputOptions options;
  std::string name;                          ///< of the first file, without folder and ending; "simulated"
  YamlNodePtr files;                         ///< which files; null for a simulation
  std::optional<SimulationPlan> simulation;  ///< images measured by an operator, from the section `simulate`
  const InputFormat* format = nullptr;       ///< that the config names; null: recon's own, or as recognised
  ExternalOpener open;                       ///< files of that format
  YamlNodePtr op;                            ///< in place of the file's; null: that
  std::optional<Noise> noise;                ///< external files; none: it is not stated
  std::optional<CameraNoise> camera;         ///< external files: in place of `noise`
  NoiseCorrelation correlation;              ///< external files: of the entries of an item
  at::Tensor background;                     ///< external files: what is measured of a black image
  at::Tensor std_map;                        ///< external files: the noise of single entries
  SliceRange slices;
  StoredNumbers numbers;                        ///< what becomes of those in external files
  bool brightest_is_one = false;                ///< `scale: auto`
  bool range_given = false;                     ///< image_range; if not, a file may say its own
  std::optional<MeasuredRange> measured_range;  ///< image_range: found in each item's data
  std::string location;
  nlohmann::ordered_json resolved;

  /// What it states of the noise of a file's y; none: nothing.
  std::optional<Noise> noise_of(const ExternalFile& file) const;
  std::vector<InputFile> find_files() const;  ///< as input_files() does; empty for a simulation
  /// Of a file; null: recon's own, which is assumed where nothing is recognised.
  const InputFormat* format_of(const std::string& path) const;
};

/// Throws Error(usage) with file:line: unknown keys, keys that do not go together.
InputPlan read_input_plan(const YamlNodePtr& input);

}  // namespace recon
