#include "priors/networks/execution.h"

#include "priors/networks/channels_last.h"

namespace recon {

FeatureMap WholeExecution::concatenated(const FeatureMap& a, const FeatureMap& b) {
  return {.tensor = concatenated_channels(a.tensor, b.tensor)};
}

FeatureMap WholeExecution::run(Pass pass, std::vector<FeatureMap> inputs) {
  std::vector<at::Tensor> tensors;
  for (auto& input : inputs) tensors.push_back(std::move(input.tensor));
  if (pass.norm != nullptr) tensors.front() = (*pass.norm)(tensors.front(), pass.activation);
  return {.tensor = pass.map(tensors)};
}

}  // namespace recon
