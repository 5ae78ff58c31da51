#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "recon/config/yaml_options.h"
#include "recon/core/parameters.h"
#include "recon/pipeline/items/item_source.h"

namespace recon {

/// The section `from_measurements` of a train config, besides the keys that are those of a batch.
struct MeasurementRoundOptions {
  std::int64_t rounds = 8;
  std::int64_t gaussian_rounds = 4;

  void visit(ParameterVisitor& v);
};

/// That section, read and checked.
struct MeasurementRounds {
  MeasurementRoundOptions options;
  YamlNodePtr input;         ///< for open_inputs()
  YamlNodePtr batch;         ///< the config of a batch, but for `prior`, `seed` and `output`
  ItemOptions item_options;  ///< as that batch has them
  std::vector<std::string> items;
  std::string location;
};

/// The section of a train config; none: it trains on images. Throws Error(usage) with file:line.
std::optional<MeasurementRounds> read_measurement_rounds(YamlOptions& config);

/// The keys of a batch config that the section may have, besides those of ItemKeys.
inline constexpr const char* measurement_round_keys[] = {"input", "solver", "precision", "memory", "batch"};

}  // namespace recon
