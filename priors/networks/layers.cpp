#include "priors/networks/layers.h"

#include <ATen/ATen.h>

#include "priors/networks/fused_norm.h"
#include "recon/core/error.h"

namespace recon {

Conv2d::Conv2d(const ParameterScope& scope, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t step,
               std::int64_t pad)
    : weight(scope.get("weight", {out, in, kernel, kernel})),
      bias(scope.get("bias", {out})),
      stride(step),
      padding(pad >= 0 ? pad : kernel / 2) {}

Conv2d Conv2d::without_bias(const ParameterScope& scope, std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return {scope.get("weight", {out, in, kernel, kernel}), kernel / 2};
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  if (takes_avx512_conv2d(x, weight, stride, padding)) return avx512_conv2d(x, weight, bias, packed);
  return at::conv2d(x, weight, bias, {stride, stride}, {padding, padding});
}

Linear::Linear(const ParameterScope& scope, std::int64_t in, std::int64_t out)
    : weight(scope.get("weight", {out, in})), bias(scope.get("bias", {out})) {}

Linear Linear::transposed(const ParameterScope& scope, std::int64_t in, std::int64_t out) {
  const at::Tensor w = scope.get("W", {in, out});
  return {w.t(), scope.get("b", {out})};
}

at::Tensor Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }

GroupNorm::GroupNorm(const ParameterScope& scope, std::int64_t channels, std::int64_t group_count, double epsilon)
    : weight(scope.get("weight", {channels})), bias(scope.get("bias", {channels})), groups(group_count), eps(epsilon) {}

at::Tensor GroupNorm::operator()(const at::Tensor& x, std::optional<Activation> activation) const {
  if (takes_fused_norm(x, weight)) {
    const bool silu = activation == Activation::silu;
    const at::Tensor z = fused_norm(x, groups, weight, bias, eps, silu);
    return activation && !silu ? activate(*activation, z) : z;
  }
  const at::Tensor z = at::group_norm(x, groups, weight, bias, eps);
  return activation ? activate(*activation, z) : z;
}

ChannelAffine GroupNorm::affine(const at::Tensor& mean, const at::Tensor& variance) const {
  const at::Tensor means = mean.unflatten(1, {groups, -1}),
                   variances = variance.unflatten(1, {groups, -1});  // [B, G, c]
  const at::Tensor centre = means.mean(2, /*keepdim=*/true);
  // Of all pixels of a group: the mean variance of its channels, and the variance of their means.
  const at::Tensor spread = (variances + (means - centre).square()).mean(2, /*keepdim=*/true);
  const at::Tensor scale = (spread + eps).rsqrt().expand_as(means).flatten(1) * weight;
  return {.scale = scale, .shift = bias - centre.expand_as(means).flatten(1) * scale};
}

Activation activation_from(const std::string& name, const std::string& location) {
  std::string lower = name;
  for (char& letter : lower) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  if (lower == "swish") return Activation::silu;
  if (const auto activation = find_word<Activation>(lower)) return *activation;
  throw data_error(location, "'act_fn': expected one of silu, swish, mish, gelu, relu, got '{}'", name);
}

at::Tensor activate(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case Activation::silu:
      return at::silu(x);
    case Activation::mish:
      return at::mish(x);
    case Activation::gelu:
      return at::gelu(x);
    case Activation::relu:
      return at::relu(x);
  }
  throw internal_error("activate", "unknown activation");
}

}  // namespace recon
