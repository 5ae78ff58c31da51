#include "priors/networks/exported_shortcuts.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "priors/networks/channels_last.h"
#include "priors/networks/fused_norm.h"

namespace recon {
namespace {

using Arguments = std::vector<c10::IValue>;

bool lies_channels_last(const at::Tensor& x) { return x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast); }

/// A tensor of its own with one number for each channel, as kernels read it.
bool is_per_channel(const at::Tensor& x, std::int64_t channels) {
  return x.defined() && x.is_cpu() && x.dim() == 1 && x.size(0) == channels && x.scalar_type() == at::kFloat &&
         x.is_contiguous();
}

/// A copy: (self, memory_format).
std::optional<at::Tensor> copied(const Arguments& a) {
  const at::Tensor& x = a[0].toTensor();
  const auto format = a[1].isNone() ? at::MemoryFormat::Preserve : static_cast<at::MemoryFormat>(a[1].toInt());
  if (format == at::MemoryFormat::Preserve || lies_channels_last(x) || x.is_contiguous(format)) return x;
  return std::nullopt;
}

/// Times or divided by a constant: (self, other).
std::optional<at::Tensor> by_unit(const Arguments& a) {
  const at::Tensor &x = a[0].toTensor(), &unit = a[1].toTensor();
  const auto is_number = [](const at::Tensor& one) { return one.unsafeGetTensorImpl()->is_wrapped_number(); };
  if (is_number(x) || !is_number(unit) || !x.is_floating_point()) return std::nullopt;
  return unit.item<double>() == 1 ? std::optional(x) : std::nullopt;
}

struct NormCall {
  at::Tensor x, weight, bias;
  std::int64_t groups;
  double eps;
};

std::optional<at::Tensor> normalised(const NormCall& call, bool silu) {
  const at::Tensor& x = call.x;
  if (!lies_channels_last(x) || call.groups < 1 || x.size(1) % call.groups != 0) return std::nullopt;
  const std::int64_t channels = x.size(1);
  const bool plain = !call.weight.defined() && !call.bias.defined();
  const at::TensorOptions options = x.options().dtype(at::kFloat);
  const at::Tensor weight = plain ? at::ones({channels}, options) : call.weight;
  const at::Tensor bias = plain ? at::zeros({channels}, options) : call.bias;
  if (!is_per_channel(weight, channels) || !is_per_channel(bias, channels) || !takes_fused_norm(x, weight)) {
    return std::nullopt;
  }
  return fused_norm(x, call.groups, weight, bias, call.eps, silu);
}

/// A tensor that need not be there.
at::Tensor optional_tensor(const c10::IValue& value) { return value.isNone() ? at::Tensor() : value.toTensor(); }

/// (input, num_groups, weight, bias, eps, cudnn_enabled).
std::optional<at::Tensor> group_norm(const Arguments& a, bool silu) {
  return normalised({a[0].toTensor(), optional_tensor(a[2]), optional_tensor(a[3]), a[1].toInt(), a[4].toDouble()},
                    silu);
}

/// (input, weight, bias, N, C, HxW, group, eps).
std::optional<at::Tensor> native_group_norm(const Arguments& a, bool silu) {
  const at::Tensor& x = a[0].toTensor();
  if (x.dim() != 4 || a[3].toInt() != x.size(0) || a[4].toInt() != x.size(1) || a[5].toInt() != x.size(2) * x.size(3)) {
    return std::nullopt;
  }
  return normalised({x, optional_tensor(a[1]), optional_tensor(a[2]), a[6].toInt(), a[7].toDouble()}, silu);
}

/// A group norm of one channel each: (input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps,
/// cudnn_enabled).
std::optional<at::Tensor> instance_norm(const Arguments& a, bool silu) {
  const at::Tensor& x = a[0].toTensor();
  if (x.dim() != 4 || !a[3].isNone() || !a[4].isNone() || !a[5].toBool()) return std::nullopt;
  return normalised({x, optional_tensor(a[1]), optional_tensor(a[2]), x.size(1), a[7].toDouble()}, silu);
}

/// (tensors, dim).
std::optional<at::Tensor> concatenated(const Arguments& a) {
  const std::vector<at::Tensor> parts = a[0].toTensorVector();
  const bool fits = parts.size() == 2 && (a[1].toInt() == 1 || a[1].toInt() == -3) &&
                    std::all_of(parts.begin(), parts.end(), lies_channels_last) &&
                    parts[0].scalar_type() == parts[1].scalar_type();
  return fits ? std::optional(concatenated_channels(parts[0], parts[1])) : std::nullopt;
}

bool all_are(const c10::IValue& list, std::int64_t value) {
  const std::vector<std::int64_t> numbers = list.toIntVector();
  return std::all_of(numbers.begin(), numbers.end(), [&](std::int64_t one) { return one == value; });
}

/// conv2d (input, weight, bias, stride, padding, dilation, groups), and
/// convolution (input, weight, bias, stride, padding, dilation, transposed, output_padding, groups).
std::optional<at::Tensor> convolved(const Arguments& a, const std::shared_ptr<PackedWeights>& packed) {
  if (packed == nullptr) return std::nullopt;
  if (a.size() > 7 && a[6].toBool()) return std::nullopt;
  const at::Tensor &x = a[0].toTensor(), &weight = a[1].toTensor();
  const at::Tensor bias = optional_tensor(a[2]);
  if (x.dim() != 4 || weight.dim() != 4 || x.numel() == 0 || weight.numel() == 0 || x.size(1) != weight.size(1) ||
      (bias.defined() && !is_per_channel(bias, weight.size(0))) ||
      (x.scalar_type() != at::kFloat && x.scalar_type() != at::kBFloat16)) {
    return std::nullopt;
  }
  const std::int64_t padding = weight.size(2) / 2;
  const bool plain = all_are(a[3], 1) && all_are(a[4], padding) && all_are(a[5], 1) && a.back().toInt() == 1;
  if (!plain || !takes_avx512_conv2d(x, weight, 1, padding)) return std::nullopt;
  return avx512_conv2d(x, weight, bias, packed);
}

}  // namespace

Shortcut shortcut_of(const std::string& target) {
  using enum Shortcut;
  static const std::map<std::string, Shortcut> table{{"torch.ops.aten.clone.default", same},
                                                     {"torch.ops.aten.contiguous.default", same},
                                                     {"torch.ops.aten.mul.Tensor", unit},
                                                     {"torch.ops.aten.div.Tensor", unit},
                                                     {"torch.ops.aten.view.default", reshape},
                                                     {"torch.ops.aten._unsafe_view.default", reshape},
                                                     {"torch.ops.aten.group_norm.default", group_norm},
                                                     {"torch.ops.aten.native_group_norm.default", native_group_norm},
                                                     {"torch.ops.aten.instance_norm.default", instance_norm},
                                                     {"torch.ops.aten.cat.default", concatenation},
                                                     {"torch.ops.aten.conv2d.default", conv2d},
                                                     {"torch.ops.aten.convolution.default", convolution}};
  const auto found = table.find(target);
  return found == table.end() ? none : found->second;
}

bool is_norm(Shortcut shortcut) {
  return shortcut == Shortcut::group_norm || shortcut == Shortcut::native_group_norm ||
         shortcut == Shortcut::instance_norm;
}
bool is_convolution(Shortcut shortcut) { return shortcut == Shortcut::conv2d || shortcut == Shortcut::convolution; }

std::optional<at::Tensor> take_shortcut(Shortcut shortcut, const std::vector<c10::IValue>& arguments, bool silu,
                                        const std::shared_ptr<PackedWeights>& packed) {
  switch (shortcut) {
    case Shortcut::none:
      return std::nullopt;
    case Shortcut::same:
      return copied(arguments);
    case Shortcut::unit:
      return by_unit(arguments);
    case Shortcut::reshape:  // which is the view, where the strides allow one
      return at::reshape(arguments[0].toTensor(), arguments[1].toIntVector());
    case Shortcut::group_norm:
      return group_norm(arguments, silu);
    case Shortcut::native_group_norm:
      return native_group_norm(arguments, silu);
    case Shortcut::instance_norm:
      return instance_norm(arguments, silu);
    case Shortcut::concatenation:
      return concatenated(arguments);
    case Shortcut::conv2d:
    case Shortcut::convolution:
      return convolved(arguments, packed);
  }
  return std::nullopt;
}

void lay_out(Shortcut shortcut, const std::string& target, std::vector<c10::IValue>& arguments) {
  if (is_convolution(shortcut)) {
    if (arguments[0].toTensor().dim() == 4) arguments[0] = channels_last(arguments[0].toTensor());
    return;
  }
  if (!target.starts_with("torch.ops.aten.scaled_dot_product_attention.") &&
      !target.starts_with("torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.")) {
    return;
  }
  for (c10::IValue& argument : arguments) {
    if (!argument.isTensor()) continue;
    const at::Tensor& x = argument.toTensor();
    if (x.dim() > 0 && x.stride(-1) != 1) argument = x.contiguous();
  }
}

bool keeps_planes(const std::string& target) {
  static const std::set<std::string_view> names{"sym_stride", "view_as_complex", "view_as_real", "im2col", "_fft_c2c",
                                                "_fft_c2r", "_fft_r2c", "grid_sampler", "grid_sampler_2d", "cumsum",
                                                // of rows of pixels, in attention between channels
                                                "linalg_vector_norm", "norm"};
  constexpr std::string_view kAten = "torch.ops.aten.";
  const std::string_view whole(target);
  if (!whole.starts_with(kAten)) return false;
  const std::string_view call = whole.substr(kAten.size());
  return call.starts_with("fft_") || call == "view.dtype" || names.contains(call.substr(0, call.find('.')));
}

}  // namespace recon
