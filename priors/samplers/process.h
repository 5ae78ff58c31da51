#pragma once

#include <string>
#include <vector>

#include "priors/noise_schedule.h"

namespace recon {

/// Every noise process with its published parameters, each under its NoiseSchedule::name().
const std::vector<NoiseSchedule>& standard_processes();

/// "prior" and the names of standard_processes().
const std::vector<std::string>& process_names();

/// `own` for "prior", else the standard process of that name. Throws Error(usage) naming the known ones.
NoiseSchedule process_from(const std::string& name, const NoiseSchedule& own);

}  // namespace recon
