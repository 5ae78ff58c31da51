#pragma once

#include <vector>

#include "priors/noise_schedule.h"

namespace recon::test {

/// One of each process, the tables of the literature and two unusual ones.
inline std::vector<NoiseSchedule> every_schedule() {
  return {NoiseSchedule::vp_linear(),
          NoiseSchedule::vp_scaled_linear(),
          NoiseSchedule::vp_cosine(),
          NoiseSchedule::vp_sigmoid(),
          NoiseSchedule::vp_sigmoid_beta(),
          NoiseSchedule::vp_linear(7, 0.05, 0.4),
          NoiseSchedule::from_betas("tabulated", {0.03, 0.3, 0.4, 0.2}),
          NoiseSchedule(VpContinuousSchedule{}),
          NoiseSchedule(CosineContinuousSchedule{}),
          NoiseSchedule(VeGeometricSchedule{}),
          NoiseSchedule(EdmRhoSchedule{}),
          NoiseSchedule(FlowSchedule{})};
}

}  // namespace recon::test
