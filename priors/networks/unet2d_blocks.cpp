#include "priors/networks/unet2d_blocks.h"

#include <ATen/ATen.h>

namespace recon {
namespace {

Attention level_attention(const ParameterScope& scope, std::int64_t channels, const UNet2DConfig& config) {
  return {scope, channels, config.attention_head_dim.value_or(channels), config.norm_num_groups, config.norm_eps};
}

std::optional<std::int64_t> mid_groups(const UNet2DConfig& config) {
  if (config.attn_norm_num_groups || config.scale_shift) return config.attn_norm_num_groups;
  return config.norm_num_groups;
}

}  // namespace

DownLevel::DownLevel(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape,
                     const UNet2DConfig& config, const BlockStyle& style) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape.layers); ++i) {
    resnets_.emplace_back(scope.child("resnets", i), i == 0 ? shape.in : shape.out, shape.out, style);
    if (level.attention) attentions_.push_back(level_attention(scope.child("attentions", i), shape.out, config));
  }
  if (shape.last) return;
  const ParameterScope end = scope.child("downsamplers", 0);
  if (level.resample == LevelResample::resnet) {
    halving_resnet_.emplace(end, shape.out, shape.out, style, Resample::down);
  } else {
    halving_conv_.emplace(end.child("conv"), shape.out, shape.out, 3, 2, config.downsample_padding);
  }
}

at::Tensor DownLevel::operator()(at::Tensor x, const at::Tensor& temb, std::vector<at::Tensor>& skips) const {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    x = resnets_[i](x, temb);
    if (!attentions_.empty()) x = attentions_[i](x);
    skips.push_back(x);
  }
  if (halving_resnet_) {
    x = (*halving_resnet_)(x, temb);
  } else if (halving_conv_) {
    x = (*halving_conv_)(halving_conv_->padding == 0 ? at::constant_pad_nd(x, {0, 1, 0, 1}) : x);
  } else {
    return x;
  }
  skips.push_back(x);
  return x;
}

MidLevel::MidLevel(const ParameterScope& scope, const UNet2DConfig& config, const BlockStyle& style)
    : first_(scope.child("resnets", 0), config.channels.back(), config.channels.back(), style, Resample::none,
             config.mid_block_scale_factor),
      second_(scope.child("resnets", 1), config.channels.back(), config.channels.back(), style, Resample::none,
              config.mid_block_scale_factor) {
  if (!config.mid_attention) return;
  const std::int64_t channels = config.channels.back();
  attention_.emplace(scope.child("attentions", 0), channels, config.attention_head_dim.value_or(channels),
                     mid_groups(config), config.norm_eps, config.mid_block_scale_factor);
}

at::Tensor MidLevel::operator()(const at::Tensor& x, const at::Tensor& temb) const {
  const at::Tensor h = first_(x, temb);
  return second_(attention_ ? (*attention_)(h) : h, temb);
}

UpLevel::UpLevel(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape, std::int64_t previous,
                 const UNet2DConfig& config, const BlockStyle& style) {
  const auto layers = static_cast<std::size_t>(shape.layers);
  for (std::size_t i = 0; i < layers; ++i) {
    const std::int64_t from_below = i == 0 ? previous : shape.out;
    const std::int64_t from_skip = i + 1 == layers ? shape.in : shape.out;
    resnets_.emplace_back(scope.child("resnets", i), from_below + from_skip, shape.out, style);
    if (level.attention) attentions_.push_back(level_attention(scope.child("attentions", i), shape.out, config));
  }
  if (shape.last) return;
  const ParameterScope end = scope.child("upsamplers", 0);
  if (level.resample == LevelResample::resnet) {
    doubling_resnet_.emplace(end, shape.out, shape.out, style, Resample::up);
  } else {
    doubling_conv_.emplace(end.child("conv"), shape.out, shape.out, 3);
  }
}

at::Tensor UpLevel::operator()(at::Tensor x, const at::Tensor& temb, std::vector<at::Tensor>& skips) const {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    x = resnets_[i](at::cat({x, skips.back()}, 1), temb);
    skips.pop_back();
    if (!attentions_.empty()) x = attentions_[i](x);
  }
  if (doubling_resnet_) return (*doubling_resnet_)(x, temb);
  if (doubling_conv_) return (*doubling_conv_)(at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}));
  return x;
}

}  // namespace recon
