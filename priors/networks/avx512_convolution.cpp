#include "priors/networks/avx512_convolution.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "priors/networks/avx512.h"
#include "priors/networks/convolution_kernels.h"
#include "priors/networks/entry_type.h"
#include "priors/networks/precision.h"

namespace recon {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::size_t most_kept = 4 << 20;
constexpr std::int64_t least_pixels = 12 * 12;  ///< where weights are packed for each call; measured

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

bool is_kept(const ConvolutionSize& size, at::ScalarType entries) {
  return static_cast<std::size_t>(size.packed()) * c10::elementSize(entries) <= most_kept;
}

at::ScalarType entries_of_scope() {
  return PrecisionScope::current() == Precision::bfloat16 ? at::kBFloat16 : at::kFloat;
}

at::Tensor channels_last(const at::Tensor& x, at::ScalarType entries) {
  return x.to(entries).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor convolved(const ConvolutionSize& size, const at::Tensor& x, const at::Tensor& packed, const float* bias) {
  const at::Tensor y = at::empty({size.images, size.out, size.height, size.width},
                                 x.options().memory_format(at::MemoryFormat::ChannelsLast));
  with_entry_of(x, [&]<class Entry>(Entry*) {
    convolve(size, x.const_data_ptr<Entry>(), packed.const_data_ptr<Entry>(), bias, y.mutable_data_ptr<Entry>());
  });
  return y;
}

/// What autograd keeps for the way back.
struct Shared : torch::CustomClassHolder {
  explicit Shared(std::shared_ptr<PackedWeights> weights) : packed(std::move(weights)) {}
  std::shared_ptr<PackedWeights> packed;
};

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const std::shared_ptr<PackedWeights>& packed) {
    const at::ScalarType entries = entries_of_scope();
    const at::Tensor laid_out = channels_last(x, entries);
    context->saved_data["trained"] = weight.requires_grad();
    context->saved_data["asked"] = x.requires_grad();
    context->saved_data["biased"] = bias.has_value();
    context->saved_data["entries"] = static_cast<std::int64_t>(entries);
    context->save_for_backward({weight.requires_grad() ? laid_out : at::Tensor(), weight});
    context->saved_data["packed"] = c10::IValue::make_capsule(c10::make_intrusive<Shared>(packed));
    return convolved(size_of(x, weight), laid_out, packed->of(weight, /*turned=*/false, entries),
                     bias ? bias->const_data_ptr<float>() : nullptr);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const auto entries = static_cast<at::ScalarType>(context->saved_data["entries"].toInt());
    const at::Tensor g = channels_last(gradients[0], entries);
    const ConvolutionSize size = size_of(g, weight);
    at::Tensor of_x, of_weight, of_bias;
    if (context->saved_data["asked"].toBool()) {
      const auto shared = c10::static_intrusive_pointer_cast<Shared>(context->saved_data["packed"].toCapsule());
      of_x = convolved(adjoint_of(size), g, shared->packed->of(weight, /*turned=*/true, entries), nullptr);
    }
    if (context->saved_data["trained"].toBool()) {
      const at::Tensor by_tap = at::empty({size.side, size.side, size.in, size.out}, weight.options());
      const at::Tensor sums = at::empty({size.out}, weight.options());
      with_entry_of(g, [&]<class Entry>(Entry*) {
        weight_gradients(size, x.const_data_ptr<Entry>(), g.const_data_ptr<Entry>(), by_tap.mutable_data_ptr<float>(),
                         sums.mutable_data_ptr<float>());
      });
      if (context->saved_data["biased"].toBool()) of_bias = sums;
      of_weight = by_tap.permute({3, 2, 0, 1});
    }
    return {of_x, of_weight, of_bias, at::Tensor()};
  }
};

}  // namespace

at::Tensor PackedWeights::of(const at::Tensor& weight, bool turned, at::ScalarType entries) {
  const std::lock_guard lock(mutex_);
  Kept& kept = kept_[turned ? 1 : 0];
  const std::uint32_t version = weight.is_inference() ? 0 : static_cast<std::uint32_t>(weight._version());
  if (kept.data == weight.const_data_ptr() && kept.version == version && kept.packed.scalar_type() == entries) {
    return kept.packed;
  }
  ConvolutionSize size{
      .images = 0, .height = 0, .width = 0, .in = weight.size(1), .out = weight.size(0), .side = weight.size(2)};
  WeightStrides strides{weight.stride(0), weight.stride(1), weight.stride(2), weight.stride(3)};
  if (turned) {
    size = adjoint_of(size);
    std::swap(strides.out, strides.in);
  }
  const at::Tensor packed = at::empty({size.packed()}, weight.options().dtype(entries));
  with_entry_of(packed, [&]<class Entry>(Entry*) {
    pack_weights(size, weight.const_data_ptr<float>(), strides, turned, packed.mutable_data_ptr<Entry>());
  });
  if (is_kept(size, entries)) kept = {weight.const_data_ptr(), version, packed};
  return packed;
}

bool takes_avx512_conv2d(const at::Tensor& x, const at::Tensor& weight, std::int64_t stride, std::int64_t padding) {
  const auto whole_vectors = [](std::int64_t channels) { return channels > 0 && channels % 16 == 0; };
  const std::int64_t side = weight.size(2);
  const bool fits = x.is_cpu() && stride == 1 && (side == 1 || side == 3) && weight.size(3) == side &&
                    padding == side / 2 && whole_vectors(weight.size(0)) && whole_vectors(weight.size(1)) &&
                    weight.scalar_type() == at::kFloat;
  if (!fits) return false;
  const at::ScalarType entries = entries_of_scope();
  // Of one image, whatever the batch: an item's result must not depend on those beside it.
  const ConvolutionSize size = size_of(x, weight);
  if (!is_kept(size, entries) && size.height * size.width < least_pixels) return false;
  if (entries == at::kBFloat16) return has_avx512_bfloat16();
  return x.scalar_type() == at::kFloat && has_avx512();
}

at::Tensor avx512_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         const std::shared_ptr<PackedWeights>& packed) {
  const auto given = bias.defined() ? std::optional(bias) : std::nullopt;
  return Convolution::apply(x.to(entries_of_scope()), weight, given, packed);
}

}  // namespace recon
