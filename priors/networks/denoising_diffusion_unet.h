#pragma once

#include <optional>
#include <vector>

#include "priors/networks/denoising_diffusion_config.h"
#include "priors/networks/layered_network.h"
#include "priors/networks/time_embedding.h"

namespace recon {

/// The U-Net of denoising-diffusion-pytorch with its parameter names: residual blocks with a norm of each pixel's
/// channels (Zhang & Sennrich 2019), attention on every level, linear in the number of pixels (Shen et al. 2018) but
/// for the last, with queries, keys and values from a pointwise convolution and four learned keys and values beside
/// them. The time is the index of the schedule's table.
class DenoisingDiffusionUNet final : public LayeredNetwork {
 public:
  /// `config` complete().
  DenoisingDiffusionUNet(const DenoisingDiffusionConfig& config, ParameterSource& source);

  FeatureMap through(Execution& run, const FeatureMap& x, const at::Tensor& t) const override;
  std::int64_t in_channels() const override { return config_.channels; }
  std::int64_t out_channels() const override { return config_.out_channels(); }
  std::int64_t size_multiple() const override { return config_.size_multiple(); }
  std::shared_ptr<const Network> to(c10::Device device) const override;

 private:
  /// y = x sqrt(C) g / |x|, the length over the C channels of a pixel.
  struct PixelNorm {
    PixelNorm(const ParameterScope& scope, std::int64_t channels);
    at::Tensor operator()(const at::Tensor& x) const;
    at::Tensor gain;  ///< [1, C, 1, 1]
  };
  /// h = silu(norm(conv1(x)) (1 + scale) + shift),  y = silu(norm(conv2(h))) + shortcut(x).
  struct Block {
    Block(const ParameterScope& scope, std::int64_t in, std::int64_t out, std::int64_t time_channels);
    FeatureMap operator()(Execution& run, const FeatureMap& x, const at::Tensor& temb) const;
    Linear time;
    Conv2d conv1;
    PixelNorm norm1;
    Conv2d conv2;
    PixelNorm norm2;
    std::optional<Conv2d> shortcut;
  };
  /// y = x + out(attention(norm(x))): softmax(q k^T / sqrt(c)) v, or, linear, softmax(q) / sqrt(c) (softmax(k)^T v)
  /// with the softmax of q over the c channels of a head and that of k over the pixels.
  class SelfAttention {
   public:
    SelfAttention(const ParameterScope& scope, std::int64_t channels, std::int64_t heads, std::int64_t head_channels,
                  bool full);
    FeatureMap operator()(Execution& run, const FeatureMap& x) const;

   private:
    at::Tensor attended(const at::Tensor& x) const;

    std::int64_t heads_, head_channels_;
    bool full_;
    PixelNorm norm_;
    at::Tensor learned_, qkv_;  ///< keys and values [2, heads, 4, c] or, linear, [2, heads, c, 4]
    Conv2d out_;
    std::optional<PixelNorm> norm_out_;
  };
  struct Level {
    Block first, second;
    SelfAttention attention;
    Conv2d resampling;  ///< of blocks of 2x2 pixels on the way down; after a doubling on the way up; 3x3 at the ends
    Resample resample;

    FeatureMap operator()(Execution& run, const FeatureMap& x) const;  ///< the change of resolution alone
  };
  Block block(const ParameterScope& scope, std::int64_t in, std::int64_t out) const;
  SelfAttention attention(const ParameterScope& scope, std::int64_t channels, std::size_t level, bool full) const;

  DenoisingDiffusionConfig config_;
  std::optional<Conv2d> conv_in_;
  std::optional<TimeEmbedding> time_embedding_;
  std::vector<Level> down_, up_;
  std::vector<Block> middle_;
  std::optional<SelfAttention> middle_attention_;
  std::optional<Block> last_block_;
  std::optional<Conv2d> conv_out_;
};

}  // namespace recon
