#pragma once

#include <optional>

#include "priors/noise_schedule.h"
#include "recon/core/kind.h"
#include "recon/core/registry.h"

namespace recon {

/// One process that can be written in a config or in a prior's card; its name is NoiseSchedule::name().
using ScheduleFamily = Kind<NoiseSchedule>;

/// All processes, in the order in which they are listed.
const Registry<ScheduleFamily>& schedule_families();
/// The same, to add processes of one's own to (Registry::add); before they are first used.
Registry<ScheduleFamily>& mutable_schedule_families();

/// The schedule of a section: its process is the field `type`, the rest its parameters. Throws Error(usage) at the
/// section's location, for parameters that do not fit together too.
NoiseSchedule make_schedule(ParameterVisitor& options);

/// The schedule of the sub-section `name` of a config, if it is there.
std::optional<NoiseSchedule> schedule_section(ParameterVisitor& options, const char* name, const char* doc);

}  // namespace recon
