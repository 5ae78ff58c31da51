#pragma once

#include <optional>

#include "priors/networks/execution.h"
#include "priors/networks/layers.h"

namespace recon {

/// Multi-head self-attention over the pixels with a residual connection (Vaswani et al. 2017, section 3.2):
///
///     y = (x + W_out softmax(q k^T / sqrt(head_channels)) v) / output_scale,   q, k, v = W norm(x)
///
/// x [B, channels, H, W]; heads = channels / head_channels, rounded down. Memory grows with (H W)² unless the platform
/// has a fused kernel. Parameter names of today's diffusers (group_norm, to_q, to_k, to_v, to_out.0).
class Attention {
 public:
  /// Without `groups` there is no normalisation.
  Attention(const ParameterScope& scope, std::int64_t channels, std::int64_t head_channels,
            std::optional<std::int64_t> groups, double eps, double output_scale = 1);
  FeatureMap operator()(Execution& run, const FeatureMap& x) const;

 private:
  at::Tensor attended(const at::Tensor& x) const;
  at::Tensor split_heads(const at::Tensor& x) const;  ///< [B, N, heads c] -> [B, heads, N, c]

  std::optional<GroupNorm> norm_;
  std::int64_t heads_, head_channels_;
  Linear query_, key_, value_, out_;
  double output_scale_;
};

}  // namespace recon
