#include "priors/networks/execution.h"

#include <ATen/ATen.h>

namespace recon {

FeatureMap WholeExecution::concatenated(const FeatureMap& a, const FeatureMap& b) {
  return {.tensor = at::cat({a.tensor, b.tensor}, 1)};
}

FeatureMap WholeExecution::run(Pass pass, std::vector<FeatureMap> inputs) {
  std::vector<at::Tensor> tensors;
  for (auto& input : inputs) tensors.push_back(std::move(input.tensor));
  if (pass.norm != nullptr) tensors.front() = (*pass.norm)(tensors.front());
  return {.tensor = pass.map(tensors)};
}

}  // namespace recon
