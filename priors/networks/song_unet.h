#pragma once

#include <optional>
#include <vector>

#include "priors/networks/fused_attention.h"
#include "priors/networks/layered_network.h"
#include "priors/networks/resnet_block.h"
#include "priors/networks/song_config.h"
#include "priors/networks/time_embedding.h"

namespace recon {

/// The U-Nets DDPM++ and NCSN++ of Song et al. 2021 as Karras et al. 2022 train them (appendix F), with the parameter
/// names of EDM's `SongUNet`: the raw network F(c_in x; c_noise) of `prediction: edm`. Without augmentation.
/// And ADM in the same layout, EDM's `DhariwalUNet`.
class SongUNet final : public LayeredNetwork {
 public:
  SongUNet(const SongConfig& config, ParameterSource& source);

  FeatureMap through(Execution& run, const FeatureMap& x, const at::Tensor& t) const override;
  std::int64_t in_channels() const override { return config_.in_channels; }
  std::int64_t out_channels() const override { return config_.in_channels; }
  std::int64_t size_multiple() const override { return config_.size_multiple(); }
  std::shared_ptr<const Network> to(c10::Device device) const override;

 private:
  /// A residual block, then attention where it has it.
  struct Block {
    ResnetBlock resnet;
    std::optional<FusedAttention> attention;

    FeatureMap operator()(Execution& run, const FeatureMap& x, const at::Tensor& temb) const {
      const FeatureMap h = resnet(run, x, temb);
      return attention ? (*attention)(run, h) : h;
    }
  };
  struct Level {
    std::vector<Block> entry;          ///< down or up; at the bottom of the decoder two blocks at one resolution
    std::optional<HalvingConv> image;  ///< of the image itself: encoder_type residual
    std::vector<Block> blocks;
  };
  void add_encoder(const ParameterScope& scope);
  void add_decoder(const ParameterScope& scope);
  void add_end(const ParameterScope& scope);
  at::Tensor embedded(const at::Tensor& t) const;  ///< time and class, [B, emb_channels]
  Block block(const ParameterScope& scope, std::int64_t in, std::int64_t out, Resample resample, bool attention) const;

  SongConfig config_;
  std::optional<TimeEmbedding> time_embedding_;
  at::Tensor unused_augmentation_;
  /// A column per class, on the features of the time [features, classes], or, ADM, on what the layers made of them
  /// [emb_channels, classes].
  at::Tensor class_embedding_, class_bias_;
  std::optional<Conv2d> conv_in_;
  std::vector<Level> encoder_, decoder_;
  std::vector<std::int64_t> skip_channels_;  ///< while building
  std::optional<GroupNorm> norm_out_;
  std::optional<Conv2d> conv_out_;
};

}  // namespace recon
