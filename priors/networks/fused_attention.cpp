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
  return at::conv1d(x, weight.flatten(2), bias);
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
  const std::int64_t batch = x.size(0), head_channels = x.size(1) / heads_;
  const at::Tensor all = qkv_(norm_(x).flatten(2));  // [B, 3 C, N]
  at::Tensor parts;                                  // [B, heads, 3, c, N]
  switch (order_) {
    case QkvOrder::heads_qkv_channels:
      parts = all.reshape({batch, heads_, 3, head_channels, -1});
      break;
    case QkvOrder::qkv_heads_channels:
      parts = all.reshape({batch, 3, heads_, head_channels, -1}).transpose(1, 2);
      break;
    case QkvOrder::heads_channels_qkv:
      parts = all.reshape({batch, heads_, head_channels, 3, -1}).transpose(2, 3);
      break;
  }
  parts = parts.transpose(3, 4);
  const at::Tensor mixed = at::scaled_dot_product_attention(parts.select(2, 0), parts.select(2, 1), parts.select(2, 2));
  const at::Tensor sum = x + out_(mixed.transpose(2, 3).reshape({batch, x.size(1), -1})).reshape(x.sizes());
  return output_scale_ == 1 ? sum : sum / output_scale_;
}

}  // namespace recon
