#pragma once

#include <optional>
#include <vector>

#include "priors/networks/attention.h"
#include "priors/networks/resnet_block.h"
#include "priors/networks/unet2d_config.h"

namespace recon {

/// What one level needs to know besides the style of the residual blocks.
struct LevelShape {
  std::int64_t in = 0, out = 0;
  std::int64_t layers = 1;
  bool last = false;  ///< no change of resolution at the end
};

/// What goes past the coarser levels from the way down to the way up.
struct Bypass {
  std::vector<FeatureMap> features;  ///< each level up takes from the back
  FeatureMap image;  ///< way down: the input at the level's resolution; way up: the output so far, undefined at first
};

/// A level on the way down: residual blocks, each followed by attention if the level has it, then a halving. Every
/// intermediate result is appended to the features for the way up. In a Skip level (`input_skip` of Song et al. 2021,
/// appendix H) residual blocks and attention are divided by sqrt(2), the halving is a residual block with a filter, and
/// a 1x1 convolution of the image, halved by the same filter, is added to it.
class DownLevel {
 public:
  DownLevel(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape, const UNet2DConfig& config,
            const BlockStyle& style);
  FeatureMap operator()(Execution& run, FeatureMap x, const at::Tensor& temb, Bypass& bypass) const;

 private:
  std::vector<ResnetBlock> resnets_;
  std::vector<Attention> attentions_;
  std::optional<Conv2d> halving_conv_;
  std::optional<ResnetBlock> halving_resnet_;
  std::optional<Fir> image_fir_;  ///< Skip levels
  std::optional<Conv2d> image_conv_;
};

/// The coarsest level: residual block, attention (optional), residual block.
class MidLevel {
 public:
  MidLevel(const ParameterScope& scope, const UNet2DConfig& config, const BlockStyle& style);
  FeatureMap operator()(Execution& run, FeatureMap x, const at::Tensor& temb) const;

 private:
  ResnetBlock first_;
  std::optional<Attention> attention_;
  ResnetBlock second_;
};

/// A level on the way up: each residual block sees one of the features beside its input; then a doubling. In a Skip
/// level (`output_skip`) attention comes once, after the last block; the output so far is doubled by the filter, and
/// what a norm, SiLU and a 3x3 convolution make of the features is added to it where the level is doubled too.
class UpLevel {
 public:
  /// `previous` channels come from below, the last of the features has `shape.in` channels.
  UpLevel(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape, std::int64_t previous,
          const UNet2DConfig& config, const BlockStyle& style);
  FeatureMap operator()(Execution& run, FeatureMap x, const at::Tensor& temb, Bypass& bypass) const;

 private:
  void add_skip_end(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape,
                    const UNet2DConfig& config, const BlockStyle& common);
  /// The output so far after this level, whose features are x; it may be undefined before and, at a last level, after.
  FeatureMap image_past(Execution& run, const FeatureMap& x, const FeatureMap& image) const;

  std::vector<ResnetBlock> resnets_;
  std::vector<Attention> attentions_;
  std::optional<Conv2d> doubling_conv_;
  std::optional<ResnetBlock> doubling_resnet_;
  std::optional<Attention> last_attention_;  ///< Skip levels
  std::optional<Fir> image_fir_;
  std::optional<GroupNorm> image_norm_;
  std::optional<Conv2d> image_conv_;
};

}  // namespace recon
