#include "priors/networks/bfloat16_convolution.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "priors/networks/avx512.h"
#include "priors/networks/convolution_kernels.h"

namespace recon {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

ConvolutionSize size_of(const at::Tensor& x, const at::Tensor& weight) {
  return {.images = x.size(0),
          .height = x.size(2),
          .width = x.size(3),
          .in = weight.size(1),
          .out = weight.size(0),
          .side = weight.size(2)};
}

ConvolutionSize adjoint_of(ConvolutionSize size) {
  std::swap(size.in, size.out);
  return size;
}

const BFloat16Bits* bits_of(const at::Tensor& x) {
  return reinterpret_cast<const BFloat16Bits*>(x.const_data_ptr<at::BFloat16>());
}

at::Tensor channels_last(const at::Tensor& x) { return x.to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast); }

at::Tensor convolved(const ConvolutionSize& size, const at::Tensor& x, const at::Tensor& packed, const float* bias) {
  const at::Tensor y = at::empty({size.images, size.out, size.height, size.width},
                                 x.options().memory_format(at::MemoryFormat::ChannelsLast));
  convolve(size, bits_of(x), bits_of(packed), bias,
           reinterpret_cast<BFloat16Bits*>(y.mutable_data_ptr<at::BFloat16>()));
  return y;
}

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const std::shared_ptr<PackedWeights>& packed) {
    const at::Tensor rounded = channels_last(x);
    context->saved_data["trained"] = weight.requires_grad();
    context->saved_data["asked"] = x.requires_grad();
    context->save_for_backward({weight.requires_grad() ? rounded : at::Tensor(), weight});
    context->saved_data["packed"] =
        x.requires_grad() ? c10::IValue(packed->of(weight, /*turned=*/true)) : c10::IValue(at::Tensor());
    return convolved(size_of(x, weight), rounded, packed->of(weight, /*turned=*/false), bias.const_data_ptr<float>());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor g = channels_last(gradients[0]);
    const ConvolutionSize size = size_of(g, weight);
    at::Tensor of_x, of_weight, of_bias;
    if (context->saved_data["asked"].toBool()) {
      of_x = convolved(adjoint_of(size), g, context->saved_data["packed"].toTensor(), nullptr);
    }
    if (context->saved_data["trained"].toBool()) {
      const at::Tensor by_tap = at::empty({size.side, size.side, size.in, size.out}, weight.options());
      of_bias = at::empty({size.out}, weight.options());
      weight_gradients(size, bits_of(x), bits_of(g), by_tap.mutable_data_ptr<float>(),
                       of_bias.mutable_data_ptr<float>());
      of_weight = by_tap.permute({3, 2, 0, 1});
    }
    return {of_x, of_weight, of_bias, at::Tensor()};
  }
};

}  // namespace

at::Tensor PackedWeights::of(const at::Tensor& weight, bool turned) {
  const std::lock_guard lock(mutex_);
  Kept& kept = kept_[turned ? 1 : 0];
  const std::uint32_t version = weight.is_inference() ? 0 : static_cast<std::uint32_t>(weight._version());
  if (kept.data == weight.const_data_ptr() && kept.version == version) return kept.packed;
  ConvolutionSize size{
      .images = 0, .height = 0, .width = 0, .in = weight.size(1), .out = weight.size(0), .side = weight.size(2)};
  WeightStrides strides{weight.stride(0), weight.stride(1), weight.stride(2), weight.stride(3)};
  if (turned) {
    size = adjoint_of(size);
    std::swap(strides.out, strides.in);
  }
  const at::Tensor packed = at::empty({size.weights()}, weight.options().dtype(at::kBFloat16));
  pack_weights(size, weight.const_data_ptr<float>(), strides, turned,
               reinterpret_cast<BFloat16Bits*>(packed.mutable_data_ptr<at::BFloat16>()));
  kept = {weight.const_data_ptr(), version, packed};
  return packed;
}

bool takes_bfloat16_conv2d(const at::Tensor& x, const at::Tensor& weight, std::int64_t stride, std::int64_t padding) {
  const auto whole_vectors = [](std::int64_t channels) { return channels % 16 == 0; };
  const std::int64_t side = weight.size(2);
  return x.is_cpu() && stride == 1 && (side == 1 || side == 3) && weight.size(3) == side && padding == side / 2 &&
         whole_vectors(weight.size(0)) && whole_vectors(weight.size(1)) && weight.scalar_type() == at::kFloat &&
         has_avx512_bfloat16();
}

at::Tensor bfloat16_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const std::shared_ptr<PackedWeights>& packed) {
  return Convolution::apply(x.to(at::kBFloat16), weight, bias, packed);
}

}  // namespace recon
