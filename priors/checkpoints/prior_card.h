#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "priors/noise_schedule.h"
#include "priors/parameterization.h"

namespace recon {

/// What a network is told about the noise level.
enum class TimeInput {
  timestep,       ///< the time of its schedule (diffusers: the index of the table), fractional between entries
  relative_sigma  ///< sigma / alpha
};
std::string to_string(TimeInput input);

/// The card of a prior, `prior.yaml` in its folder: what the diffusers files do not say, and what is to be said
/// differently. Every key is optional; priors/README.md describes them.
struct PriorCard {
  std::string place;  ///< the file, for messages
  std::optional<std::string> name;
  std::optional<std::string> format;  ///< diffusers_unet2d
  std::optional<Prediction> prediction;
  std::optional<NoiseSchedule> schedule;  ///< absent for from_scheduler
  std::optional<TimeInput> time_input;
  std::optional<std::pair<double, double>> value_range;  ///< of clean images
  std::optional<std::int64_t> channels;                  ///< of the image, before space-to-depth
  std::int64_t space_to_depth = 1;
  bool any_size = false;
  std::vector<std::int64_t> fixed_size;  ///< {H, W}
  std::optional<std::int64_t> multiple;
  std::optional<double> max_relative_sigma;
  std::vector<std::pair<double, double>> denoising_mse;  ///< relative sigma (increasing), mean squared error per pixel
  std::string description, training_data, licence;
};

/// Reads it. Throws Error(data) with file:line for malformed YAML, an unknown or repeated key, or a value that does not
/// fit.
PriorCard read_prior_card(const std::filesystem::path& path);

}  // namespace recon
