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

/// A level on the way down: residual blocks, each followed by attention if the level has it, then a halving. Every
/// intermediate result is appended to `skips` for the way up.
class DownLevel {
 public:
  DownLevel(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape, const UNet2DConfig& config,
            const BlockStyle& style);
  at::Tensor operator()(at::Tensor x, const at::Tensor& temb, std::vector<at::Tensor>& skips) const;

 private:
  std::vector<ResnetBlock> resnets_;
  std::vector<Attention> attentions_;
  std::optional<Conv2d> halving_conv_;
  std::optional<ResnetBlock> halving_resnet_;
};

/// The coarsest level: residual block, attention (optional), residual block.
class MidLevel {
 public:
  MidLevel(const ParameterScope& scope, const UNet2DConfig& config, const BlockStyle& style);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& temb) const;

 private:
  ResnetBlock first_;
  std::optional<Attention> attention_;
  ResnetBlock second_;
};

/// A level on the way up: each residual block sees one skip, taken from the back of `skips`, beside its input; then a
/// doubling.
class UpLevel {
 public:
  /// `previous` channels come from below, the last skip has `shape.in` channels.
  UpLevel(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape, std::int64_t previous,
          const UNet2DConfig& config, const BlockStyle& style);
  at::Tensor operator()(at::Tensor x, const at::Tensor& temb, std::vector<at::Tensor>& skips) const;

 private:
  std::vector<ResnetBlock> resnets_;
  std::vector<Attention> attentions_;
  std::optional<Conv2d> doubling_conv_;
  std::optional<ResnetBlock> doubling_resnet_;
};

}  // namespace recon
