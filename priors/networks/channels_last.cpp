#include "priors/networks/channels_last.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "priors/networks/avx512.h"

namespace recon {
namespace {

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

bool prefers_channels_last(const at::Tensor& x) { return x.is_cpu() && has_avx512(); }

at::Tensor channels_last(const at::Tensor& x) {
  if (x.size(1) != 1) return x.contiguous(at::MemoryFormat::ChannelsLast);
  return x.select(1, 0).contiguous().unsqueeze(3).permute({0, 3, 1, 2});
}

at::Tensor concatenated_channels(const at::Tensor& a, const at::Tensor& b) { return Concatenation::apply(a, b); }

}  // namespace recon
