#pragma once

#include "priors/networks/execution.h"
#include "priors/networks/layers.h"

namespace recon {

/// How the 3 C channels of queries, keys and values lie in one fused projection, outermost first.
enum class QkvOrder {
  heads_qkv_channels,  ///< guided-diffusion's legacy order: per head its queries, its keys, its values
  qkv_heads_channels,  ///< guided-diffusion's new order: all queries, all keys, all values
  heads_channels_qkv   ///< EDM: per head and channel its query, its key, its value
};

/// What differs between checkpoints.
struct FusedAttentionStyle {
  std::int64_t groups = 32;
  double eps = 1e-5;
  QkvOrder order = QkvOrder::heads_qkv_channels;
  const char *norm = "norm", *qkv = "qkv", *out = "proj_out";
  Shape axes = {1};         ///< trailing axes of the weights: {1} as a 1-D convolution, {1, 1} as a 2-D one
  double output_scale = 1;  ///< what the result is divided by
};

/// Multi-head self-attention over the pixels with a residual connection, as Attention (attention.h), with queries, keys
/// and values from one projection, stored as a pointwise convolution (weight [3 C, C, 1] or [3 C, C, 1, 1]):
///
///     y = (x + W_out softmax(q k^T / sqrt(C / heads)) v) / output_scale,   (q, k, v) = W_qkv norm(x)
class FusedAttention {
 public:
  FusedAttention(const ParameterScope& scope, std::int64_t channels, std::int64_t heads,
                 const FusedAttentionStyle& style);
  FeatureMap operator()(Execution& run, const FeatureMap& x) const;

 private:
  at::Tensor attended(const at::Tensor& x) const;

  struct Pointwise {
    Pointwise(const ParameterScope& scope, std::int64_t in, std::int64_t out, const Shape& axes);
    at::Tensor operator()(const at::Tensor& x) const;  ///< [B, N, in] -> [B, N, out]
    at::Tensor weight, bias;
  };

  GroupNorm norm_;
  Pointwise qkv_, out_;
  std::int64_t heads_;
  QkvOrder order_;
  double output_scale_;
};

}  // namespace recon
