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

const std::vector<std::string>& process_words() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> names = {"prior"};
    for (const auto& process : standard_processes()) names.push_back(process.name());
    return names;
  }();
  return words;
}

NoiseSchedule process_from(const std::string& word, const NoiseSchedule& own) {
  if (word == "prior") return own;
  for (const auto& process : standard_processes()) {
    if (process.name() == word) return process;
  }
  throw usage_error("process", "unknown noise process '{}'{}", word, suggestion(word, process_words()));
}

}  // namespace recon
