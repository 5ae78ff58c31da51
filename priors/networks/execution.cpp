#include "priors/networks/execution.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace recon {

namespace {

/// Channels side by side. On the way back each part's gradient is laid out once, not by each of those who read it.
struct Concatenation : torch::autograd::Function<Concatenation> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& a, const at::Tensor& b) {
    context->saved_data["channels"] = a.size(1);
    return at::cat({a, b}, 1);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const at::Tensor& g = gradients[0];
    const std::int64_t channels = context->saved_data["channels"].toInt();
    const at::MemoryFormat format = g.suggest_memory_format();
    return {g.narrow(1, 0, channels).contiguous(format),
            g.narrow(1, channels, g.size(1) - channels).contiguous(format)};
  }
};

}  // namespace

FeatureMap WholeExecution::concatenated(const FeatureMap& a, const FeatureMap& b) {
  return {.tensor = Concatenation::apply(a.tensor, b.tensor)};
}

FeatureMap WholeExecution::run(Pass pass, std::vector<FeatureMap> inputs) {
  std::vector<at::Tensor> tensors;
  for (auto& input : inputs) tensors.push_back(std::move(input.tensor));
  if (pass.norm != nullptr) tensors.front() = (*pass.norm)(tensors.front(), pass.activation);
  return {.tensor = pass.map(tensors)};
}

}  // namespace recon
