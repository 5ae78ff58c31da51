#pragma once

#include "recon/core/words.h"

namespace recon {

/// What a network is conditioned on: its time input.
enum class TimeInput {
  timestep,           ///< the time of its schedule (diffusers: the index of the table), fractional between entries
  reversed_timestep,  ///< the schedule's last time minus that, for networks whose time runs toward the data
  relative_sigma,     ///< r = sigma / alpha
  edm_noise           ///< ln(r) / 4, c_noise of Karras et al. 2022, table 1
};
constexpr auto words_of(TimeInput) {
  using enum TimeInput;
  return std::to_array<Word<TimeInput>>({{timestep, "timestep"},
                                         {reversed_timestep, "reversed_timestep"},
                                         {relative_sigma, "relative_sigma"},
                                         {edm_noise, "edm_noise"}});
}

/// What a network sees of x_t = alpha x_0 + sigma eps.
enum class InputScaling {
  process,  ///< x_t of its own schedule: alpha x_0 + sigma eps for VP networks, x_0 + r eps for VE networks
  edm       ///< c_in (x_0 + r eps) with c_in = 1 / sqrt(r² + sigma_data²), Karras et al. 2022, table 1
};
constexpr auto words_of(InputScaling) {
  return std::to_array<Word<InputScaling>>({{InputScaling::process, "process"}, {InputScaling::edm, "edm"}});
}

}  // namespace recon
