#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "priors/checkpoints/weights_selection.h"
#include "priors/image_symmetry.h"
#include "priors/linear_measurement.h"
#include "priors/network_convention.h"
#include "priors/networks/network_kind.h"
#include "priors/noise_schedule.h"
#include "priors/parameterization.h"
#include "priors/power_spectrum.h"

namespace recon {

/// A network and its options; none (null): not said.
struct ChosenNetwork {
  const NetworkKind* kind = nullptr;
  std::shared_ptr<NetworkConfig> config = nullptr;
};

/// The card of a prior, `prior.yaml` in its folder: what the diffusers files do not say, and what is to be said
/// differently. Every key is optional; recon/docs/priors.md describes them.
struct PriorCard {
  std::string location;  ///< the file, for messages
  std::optional<std::string> name;
  std::optional<std::string> format;  ///< diffusers_unet2d
  ChosenNetwork network;              ///< of `preset` and `architecture`; none: that of diffusers' config.json
  std::optional<std::filesystem::path> weights;  ///< the file, beside the card
  WeightsSelection selection;                    ///< `weights_key`, `weights_prefix`
  std::optional<std::int64_t> class_label;       ///< `class`; ClassLabels::kNoClass for none
  std::optional<Prediction> prediction;
  std::optional<NoiseSchedule> schedule;  ///< absent for from_scheduler
  std::optional<TimeInput> time_input;
  double time_scale = 1;  ///< the time input is multiplied by it
  std::optional<InputScaling> input_scaling;
  double sigma_data = kEdmSigmaData;                     ///< of EDM's coefficients
  std::optional<std::pair<double, double>> value_range;  ///< of clean images
  std::optional<std::int64_t> channels;                  ///< of the image, before space-to-depth
  ImageSymmetry symmetry = ImageSymmetry::none;          ///< of its images
  bool bgr = false;                                      ///< `channel_order: bgr`
  std::int64_t space_to_depth = 1;
  bool position_channels = false;  ///< the network sees where its pixels lie, see positions()
  bool any_size = false;
  std::vector<std::int64_t> fixed_size;  ///< {H, W}
  std::optional<std::int64_t> multiple;
  std::optional<double> max_relative_sigma;
  std::vector<std::pair<double, double>> denoising_mse;  ///< relative sigma (increasing), mean squared error per pixel
  PowerSpectrum power_spectrum;                          ///< of the images
  std::optional<TrainedMeasurement> measurement;         ///< what the network knows beside x_t
  std::string description, training_data, licence, attribution;

  std::vector<std::string> images;  ///< of an empirical prior, paths that start at the card's folder; else empty
  double width = 0.05;              ///< of its clouds, in units of value_range
  std::pair<double, double> image_range = {0, 1};  ///< values of black and white in the images

  std::vector<double> mean;  ///< of a Gaussian prior with `power_spectrum`, one number per channel; else empty
};

/// The card that a preset stands for, without weights. Throws Error(internal) for a name that is none.
PriorCard preset_prior_card(const std::string& name);

/// Reads it. Throws Error(data) with file:line for malformed YAML, an unknown or repeated key, or a value that does not
/// fit. `preset: NAME` stands for the keys of a published model (presets.h), which the card's own keys overrule.
PriorCard read_prior_card(const std::filesystem::path& path);

}  // namespace recon
