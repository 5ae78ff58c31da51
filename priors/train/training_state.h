#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "priors/networks/parameters.h"
#include "priors/train/validation.h"

namespace recon {

/// What one validation found.
struct ValidationPoint {
  std::int64_t step = 0;
  DenoisingTable table;
};

/// What has happened in a run so far; saved with its state.
struct TrainingHistory {
  std::int64_t step = 0;     ///< updates done
  std::vector<double> loss;  ///< one per step
  std::vector<ValidationPoint> validations;
  std::int64_t skipped = 0;  ///< steps without an update, because loss or gradient were not finite
  double seconds = 0;        ///< in all sessions
};

/// The validation whose logarithm of the mean squared error is lowest on average over the levels, so that every level
/// counts alike, among those at the levels of the last one; nullptr without any.
const ValidationPoint* best_validation(const TrainingHistory& history);

/// Writes everything that a run needs to go on to a safetensors file, atomically: after a kill -9 at any time the file
/// holds the old or the new state. `fingerprint` identifies what the state belongs to.
void save_training_state(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                         const TrainingHistory& history, const std::string& fingerprint);

/// Copies the tensors of the file into `tensors`. Throws Error(data) naming the file when it is damaged or belongs to
/// another network, Error(usage) when its fingerprint differs.
TrainingHistory load_training_state(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                                    const std::string& fingerprint);

/// The first key at which two configs in JSON differ, for people: "batch was 8, is 16".
std::string first_difference(const std::string& saved, const std::string& wanted);

}  // namespace recon
