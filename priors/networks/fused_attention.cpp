#include "priors/networks/fused_attention.h"

#include <ATen/ATen.h>

namespace recon {

namespace {

Shape with_axes(Shape shape, const Shape& axes) {
  shape.insert(shape.end(), axes.begin(), axes.end());
  return shape;
}

}  // namespace

FusedAttention::Pointwise::Pointwise(const ParameterScope& scope, std::int64_t in, std::int64_t out, const Shape& axes)
    : weight(scope.get("weight", with_axes({out, in}, axes))), bias(scope.get("bias", {out})) {}

at::Tensor FusedAttention::Pointwise::operator()(const at::Tensor& x) const {
  return at::linear(x, weight.flatten(1), bias);
}

FusedAttention::FusedAttention(const ParameterScope& scope, std::int64_t channels, std::int64_t heads,
                               const FusedAttentionStyle& style)
    : norm_(scope.child(style.norm), channels, style.groups, style.eps),
      qkv_(scope.child(style.qkv), channels, 3 * channels, style.axes),
      out_(scope.child(style.out), channels, channels, style.axes),
      heads_(heads),
      order_(style.order),
      output_scale_(style.output_scale) {}

FeatureMap FusedAttention::operator()(Execution& run, const FeatureMap& x) const {
  const auto map = [this](const std::vector<at::Tensor>& in) { return attended(in[0]); };
  return run({.map = map, .channels = out_.weight.size(0), .everywhere = true}, x);
}

at::Tensor FusedAttention::attended(const at::Tensor& x) const {
  const std::int64_t head_channels = x.size(1) / heads_;
  const at::Tensor all = qkv_(norm_(x).flatten(2).transpose(1, 2));  // [B, N, 3 C]
  at::Tensor parts;                                                  // [B, N, heads, c] three times, first axis
  switch (order_) {
    case QkvOrder::heads_qkv_channels:
      parts = all.unflatten(2, {heads_, 3, head_channels}).movedim(3, 0);
      break;
    case QkvOrder::qkv_heads_channels:
      parts = all.unflatten(2, {3, heads_, head_channels}).movedim(2, 0);
      break;
    case QkvOrder::heads_channels_qkv:
      // Fused kernels want a head's channels side by side.
      parts = all.unflatten(2, {heads_, head_channels, 3}).movedim(4, 0).contiguous();
      break;
  }
  parts = parts.transpose(2, 3);
  const at::Tensor mixed = at::scaled_dot_product_attention(parts[0], parts[1], parts[2]);  // [B, heads, N, c]
  const at::Tensor sum = x + out_(mixed.transpose(1, 2).flatten(2)).transpose(1, 2).reshape(x.sizes());
  return output_scale_ == 1 ? sum : sum / output_scale_;
}

}  // namespace recon
