#include "priors/networks/attention.h"

#include <ATen/ATen.h>

namespace recon {

namespace {

Linear matrix(const ParameterScope& scope, std::int64_t in, std::int64_t out, bool transposed) {
  return transposed ? Linear::transposed(scope, in, out) : Linear(scope, in, out);
}

}  // namespace

Attention::Attention(const ParameterScope& scope, std::int64_t channels, std::int64_t head_channels,
                     std::optional<std::int64_t> groups, double eps, double output_scale, const AttentionNames& names)
    : heads_(channels / head_channels),
      head_channels_(head_channels),
      query_(matrix(scope.child(names.query), channels, heads_ * head_channels, names.transposed)),
      key_(matrix(scope.child(names.key), channels, heads_ * head_channels, names.transposed)),
      value_(matrix(scope.child(names.value), channels, heads_ * head_channels, names.transposed)),
      out_(matrix(scope.child(names.out), heads_ * head_channels, channels, names.transposed)),
      output_scale_(output_scale) {
  if (groups) norm_.emplace(scope.child(names.norm), channels, *groups, eps);
}

at::Tensor Attention::split_heads(const at::Tensor& x) const {
  return x.reshape({x.size(0), x.size(1), heads_, head_channels_}).transpose(1, 2);
}

FeatureMap Attention::operator()(Execution& run, const FeatureMap& x) const {
  const auto map = [this](const std::vector<at::Tensor>& in) { return attended(in[0]); };
  return run({.map = map, .channels = out_.weight.size(0), .everywhere = true}, x);
}

at::Tensor Attention::attended(const at::Tensor& x) const {
  const at::Tensor pixels = (norm_ ? (*norm_)(x) : x).flatten(2).transpose(1, 2);  // [B, H W, channels]
  const at::Tensor mixed = at::scaled_dot_product_attention(split_heads(query_(pixels)), split_heads(key_(pixels)),
                                                            split_heads(value_(pixels)));
  const at::Tensor out = out_(mixed.transpose(1, 2).flatten(2)).transpose(1, 2).reshape(x.sizes());
  return output_scale_ == 1 ? x + out : (x + out) / output_scale_;
}

}  // namespace recon
