#include "priors/samplers/process.h"

#include "recon/core/error.h"
#include "recon/core/nearest.h"

namespace recon {

const std::vector<NoiseSchedule>& standard_processes() {
  static const std::vector<NoiseSchedule> all = {NoiseSchedule::vp_linear(),
                                                 NoiseSchedule::vp_scaled_linear(),
                                                 NoiseSchedule::vp_cosine(),
                                                 NoiseSchedule(VpContinuousSchedule{}),
                                                 NoiseSchedule(CosineContinuousSchedule{}),
                                                 NoiseSchedule(VeGeometricSchedule{}),
                                                 NoiseSchedule(EdmRhoSchedule{}),
                                                 NoiseSchedule(FlowSchedule{})};
  return all;
}

const std::vector<std::string>& process_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names = {"prior"};
    for (const auto& process : standard_processes()) names.push_back(process.name());
    return names;
  }();
  return all;
}

NoiseSchedule process_from(const std::string& name, const NoiseSchedule& own) {
  if (name == "prior") return own;
  for (const auto& process : standard_processes()) {
    if (process.name() == name) return process;
  }
  throw usage_error("process", "unknown noise process '{}'{}", name, suggestion(name, process_names()));
}

}  // namespace recon
