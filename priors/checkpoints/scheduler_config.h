#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "priors/noise_schedule.h"
#include "priors/parameterization.h"

namespace recon {

/// What a diffusers scheduler_config.json says about how the network was trained.
struct SchedulerConfig {
  NoiseSchedule schedule;
  Prediction prediction = Prediction::epsilon;
  bool learned_variance = false;            ///< the network's second half of channels is a variance, not a prediction
  std::optional<double> clip_sample_range;  ///< clean images lie in [-range, range], when the file says so
  bool conditioned_on_noise_level = false;  ///< on sigma / alpha, not on the time
};

/// Reads the config of
///
///     DDPMScheduler, DDIMScheduler  beta_schedule linear | scaled_linear | squaredcos_cap_v2, trained_betas,
///                                   prediction_type epsilon | sample | v_prediction
///     ScoreSdeVeScheduler           ve_geometric from sigma_min to sigma_max; score at time input sigma
///                                   (Song et al. 2021, eq. 30)
///
/// Options of those classes' own samplers (thresholding, timestep_spacing, steps_offset, snr, correct_steps, ...) say
/// nothing about the network and are not used here. Throws Error(data) at `location` naming the key for all others:
/// another class, rescale_betas_zero_snr, unknown keys.
SchedulerConfig parse_scheduler_config(const nlohmann::json& json, const std::string& location);
SchedulerConfig read_scheduler_config(const std::filesystem::path& path);

}  // namespace recon
