#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "data/kspace_set.h"
#include "operators/fourier/sampling_patterns.h"
#include "operators/mri/coil_estimation.h"
#include "recon/config/config.h"
#include "recon/core/parameters.h"

namespace recon {

/// What is noise alone in raw data.
enum class NoiseReference { scan, background, corners, none };
constexpr auto words_of(NoiseReference) {
  using enum NoiseReference;
  return std::to_array<Word<NoiseReference>>(
      {{scan, "scan"}, {background, "background"}, {corners, "corners"}, {none, "none"}});
}

/// Where coil maps come from: one of the methods of coil_estimation.h now, `estimation.method` at reconstruction, or a
/// file.
enum class CoilMapSource { espirit, walsh, sum_of_squares, later, file };
constexpr auto words_of(CoilMapSource) {
  using enum CoilMapSource;
  return std::to_array<Word<CoilMapSource>>(
      {{espirit, "espirit"}, {walsh, "walsh"}, {sum_of_squares, "sum_of_squares"}, {later, "later"}, {file, "file"}});
}

/// The options of `recon import`, besides the sections `estimation` and `undersampling`.
struct ImportOptions {
  std::optional<NoiseReference> noise;  ///< none (auto): the scan where there is one, else the background
  std::int64_t coils = 0;
  bool keep_oversampling = false;
  CoilMapSource coil_maps = CoilMapSource::espirit;
  std::string maps_file;

  void visit(ParameterVisitor& v);
};

/// How raw k-space becomes a measurement file.
struct ImportPlan {
  KspaceOptions reading;
  ImportOptions options;
  CoilEstimation estimation;
  bool undersample = false;
  SamplingPatternOptions undersampling;
  nlohmann::ordered_json resolved;

  void visit(ParameterVisitor& v);  ///< all options, those of the two sections included
};

/// Throws Error(usage) with the option's place.
ImportPlan read_import_plan(const Config& config);

}  // namespace recon
