#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "priors/noise_schedule.h"
#include "recon/core/parameters.h"

namespace recon {

/// One process that can be written in a config or in a prior's card: how it is described and built.
struct ScheduleFamily {
  std::string name;     ///< the `type:` of the section, and NoiseSchedule::name()
  std::string summary;  ///< one line for `recon list schedules`
  /// Reads the parameters from the visitor and builds the schedule; with a visitor that is not reading(), only visits
  /// them and returns nothing. Throws Error for parameters that do not fit together.
  std::function<std::optional<NoiseSchedule>(ParameterVisitor& options)> make;
};

/// All processes, in the order in which they are listed.
const std::vector<ScheduleFamily>& schedule_families();

/// Throws Error(usage) at `location` naming the nearest known one.
const ScheduleFamily& find_schedule_family(const std::string& name, const std::string& location);

/// The schedule of a section: its process is the field `type`, the rest its parameters. Nothing when the visitor is not
/// reading(). Throws Error(usage) at the section's location.
std::optional<NoiseSchedule> make_schedule(ParameterVisitor& options);

/// The schedule of the sub-section `name` of a config, if it is there.
std::optional<NoiseSchedule> schedule_section(ParameterVisitor& options, const char* name, const char* doc);

}  // namespace recon
