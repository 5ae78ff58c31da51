#pragma once

#include <optional>

#include "priors/networks/execution.h"
#include "priors/networks/layers.h"

namespace recon {

/// What the parts are called in a checkpoint; the defaults are those of today's diffusers.
struct AttentionNames {
  const char *norm = "group_norm", *query = "to_q", *key = "to_k", *value = "to_v", *out = "to_out.0";
  bool transposed = false;  ///< matrices as Linear::transposed has them
};

/// Multi-head self-attention over the pixels with a residual connection (Vaswani et al. 2017, section 3.2):
///
///     y = (x + W_out softmax(q k^T / sqrt(head_channels)) v) / output_scale,   q, k, v = W norm(x)
///
/// x [B, channels, H, W]; heads = channels / head_channels, rounded down. Memory grows with (H W)² unless the platform
/// has a fused kernel.
class Attention {
 public:
  /// Without `groups` there is no normalisation.
  Attention(const ParameterScope& scope, std::int64_t channels, std::int64_t head_channels,
            std::optional<std::int64_t> groups, double eps, double output_scale = 1, const AttentionNames& names = {});
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
