#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "priors/checkpoints/weights_selection.h"
#include "priors/networks/adm_config.h"
#include "priors/networks/song_config.h"
#include "priors/networks/torchscript_network.h"
#include "priors/noise_schedule.h"
#include "priors/parameterization.h"

namespace recon {

/// What a network is conditioned on: its time input.
enum class TimeInput {
  timestep,           ///< the time of its schedule (diffusers: the index of the table), fractional between entries
  reversed_timestep,  ///< the schedule's last time minus that, for networks whose time runs toward the data
  relative_sigma,     ///< r = sigma / alpha
  edm_noise           ///< ln(r) / 4, c_noise of Karras et al. 2022, table 1
};
std::string to_string(TimeInput input);

/// What a network sees of x_t = alpha x_0 + sigma eps.
enum class InputScaling {
  process,  ///< x_t of its own schedule: alpha x_0 + sigma eps for VP networks, x_0 + r eps for VE networks
  edm       ///< c_in (x_0 + r eps) with c_in = 1 / sqrt(r² + sigma_data²), Karras et al. 2022, table 1
};
std::string to_string(InputScaling scaling);

/// A network whose options stand in the card. Without: the diffusers folder has its config.
using Architecture = std::variant<std::monostate, AdmConfig, SongConfig, DhariwalConfig, TorchScriptConfig>;

/// The card of a prior, `prior.yaml` in its folder: what the diffusers files do not say, and what is to be said
/// differently. Every key is optional; recon/docs/priors.md describes them.
struct PriorCard {
  std::string location;  ///< the file, for messages
  std::optional<std::string> name;
  std::optional<std::string> format;  ///< diffusers_unet2d
  Architecture architecture;          ///< of `preset` and `architecture`; none: the network of diffusers' config.json
  std::optional<std::filesystem::path> weights;  ///< the file, beside the card
  WeightsSelection selection;                    ///< `weights_key`, `weights_prefix`
  std::optional<Prediction> prediction;
  std::optional<NoiseSchedule> schedule;  ///< absent for from_scheduler
  std::optional<TimeInput> time_input;
  double time_scale = 1;  ///< the time input is multiplied by it
  std::optional<InputScaling> input_scaling;
  double sigma_data = kEdmSigmaData;                     ///< of EDM's coefficients
  std::optional<std::pair<double, double>> value_range;  ///< of clean images
  std::optional<std::int64_t> channels;                  ///< of the image, before space-to-depth
  bool bgr = false;                                      ///< `channel_order: bgr`
  std::int64_t space_to_depth = 1;
  bool any_size = false;
  std::vector<std::int64_t> fixed_size;  ///< {H, W}
  std::optional<std::int64_t> multiple;
  std::optional<double> max_relative_sigma;
  std::vector<std::pair<double, double>> denoising_mse;  ///< relative sigma (increasing), mean squared error per pixel
  std::string description, training_data, licence;
};

/// Reads it. Throws Error(data) with file:line for malformed YAML, an unknown or repeated key, or a value that does not
/// fit. `preset: NAME` stands for the keys of a published model (presets.h), which the card's own keys overrule.
PriorCard read_prior_card(const std::filesystem::path& path);

}  // namespace recon
