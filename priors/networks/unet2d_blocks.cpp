#include "priors/networks/unet2d_blocks.h"

#include <ATen/ATen.h>

#include <numbers>

namespace recon {
namespace {

/// What residual blocks and attention of a level are divided by.
double output_scale(const LevelConfig& level) { return is_skip(level) ? std::numbers::sqrt2 : 1; }

Attention level_attention(const ParameterScope& scope, std::int64_t channels, const LevelConfig& level,
                          const UNet2DConfig& config) {
  const std::int64_t groups = is_skip(level) ? kSkipAttentionGroups : config.groups_of(channels);
  return {scope, channels, config.attention_head_dim.value_or(channels), groups, config.norm_eps, output_scale(level)};
}

BlockStyle style_of(const LevelConfig& level, BlockStyle style) {
  if (!is_skip(level)) return style;
  style.groups = kSkipGroups;
  style.min_group_channels = kSkipGroupChannels;
  style.fixed_filter = style.project_resampled = true;
  return style;
}

std::optional<std::int64_t> mid_groups(const UNet2DConfig& config) {
  if (config.attn_norm_num_groups || config.scale_shift) return config.attn_norm_num_groups;
  return config.groups_of(config.channels.back());
}

}  // namespace

DownLevel::DownLevel(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape,
                     const UNet2DConfig& config, const BlockStyle& common) {
  const BlockStyle style = style_of(level, common);
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape.layers); ++i) {
    resnets_.emplace_back(scope.child("resnets", i), i == 0 ? shape.in : shape.out, shape.out, style, Resample::none,
                          output_scale(level));
    if (level.attention) attentions_.push_back(level_attention(scope.child("attentions", i), shape.out, level, config));
  }
  if (shape.last) return;
  if (is_skip(level)) {
    halving_resnet_.emplace(scope.child("resnet_down"), shape.out, shape.out, style, Resample::down,
                            output_scale(level));
    image_conv_.emplace(scope.child("skip_conv"), kSkipImageChannels, shape.out, 1);
    image_fir_ = Fir::binomial(resnets_.front().options());
    return;
  }
  const ParameterScope end = scope.child("downsamplers", 0);
  if (level.resample == LevelResample::resnet) {
    halving_resnet_.emplace(end, shape.out, shape.out, style, Resample::down);
  } else {
    halving_conv_.emplace(end.child("conv"), shape.out, shape.out, 3, 2, config.downsample_padding);
  }
}

FeatureMap DownLevel::operator()(Execution& run, FeatureMap x, const at::Tensor& temb, Bypass& bypass) const {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    x = resnets_[i](run, x, temb);
    if (!attentions_.empty()) x = attentions_[i](run, x);
    bypass.features.push_back(x);
  }
  if (halving_resnet_) {
    x = (*halving_resnet_)(run, x, temb);
  } else if (halving_conv_) {
    const auto halved = [this](const std::vector<at::Tensor>& in) {
      return (*halving_conv_)(halving_conv_->padding == 0 ? at::constant_pad_nd(in[0], {0, 1, 0, 1}) : in[0]);
    };
    x = run({.map = halved, .channels = halving_conv_->out_channels(), .resample = Resample::down}, std::move(x));
  } else {
    return x;
  }
  if (image_fir_) {
    const auto filtered = [this](const std::vector<at::Tensor>& in) { return (*image_fir_)(in[0], Resample::down); };
    bypass.image = run({.map = filtered, .channels = kSkipImageChannels, .resample = Resample::down}, bypass.image);
    const auto added = [this](const std::vector<at::Tensor>& in) { return in[0] + (*image_conv_)(in[1]); };
    x = run({.map = added, .channels = image_conv_->out_channels()}, std::move(x), bypass.image);
  }
  bypass.features.push_back(x);
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

FeatureMap MidLevel::operator()(Execution& run, FeatureMap x, const at::Tensor& temb) const {
  x = first_(run, x, temb);
  if (attention_) x = (*attention_)(run, x);
  return second_(run, x, temb);
}

UpLevel::UpLevel(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape, std::int64_t previous,
                 const UNet2DConfig& config, const BlockStyle& common) {
  BlockStyle style = style_of(level, common);
  const double scale = output_scale(level);
  const auto layers = static_cast<std::size_t>(shape.layers);
  for (std::size_t i = 0; i < layers; ++i) {
    const std::int64_t from_below = i == 0 ? previous : shape.out;
    const std::int64_t from_skip = i + 1 == layers ? shape.in : shape.out;
    if (is_skip(level)) style.input_groups = skip_input_groups(from_below, from_skip, level.attention);
    resnets_.emplace_back(scope.child("resnets", i), from_below + from_skip, shape.out, style, Resample::none, scale);
    if (level.attention && !is_skip(level)) {
      attentions_.push_back(level_attention(scope.child("attentions", i), shape.out, level, config));
    }
  }
  if (is_skip(level)) add_skip_end(scope, level, shape, config, common);
  if (is_skip(level) || shape.last) return;
  const ParameterScope end = scope.child("upsamplers", 0);
  if (level.resample == LevelResample::resnet) {
    doubling_resnet_.emplace(end, shape.out, shape.out, style, Resample::up);
  } else {
    doubling_conv_.emplace(end.child("conv"), shape.out, shape.out, 3);
  }
}

void UpLevel::add_skip_end(const ParameterScope& scope, const LevelConfig& level, const LevelShape& shape,
                           const UNet2DConfig& config, const BlockStyle& common) {
  if (level.attention) last_attention_ = level_attention(scope.child("attentions", 0), shape.out, level, config);
  image_fir_ = Fir::binomial(resnets_.front().options());
  if (shape.last) return;
  doubling_resnet_.emplace(scope.child("resnet_up"), shape.out, shape.out, style_of(level, common), Resample::up,
                           output_scale(level));
  image_norm_.emplace(scope.child("skip_norm"), shape.out, skip_groups(shape.out), config.norm_eps);
  image_conv_.emplace(scope.child("skip_conv"), shape.out, kSkipImageChannels, 3);
}

FeatureMap UpLevel::image_past(Execution& run, const FeatureMap& x, const FeatureMap& image) const {
  FeatureMap doubled = image;
  if (image.defined()) {
    const auto filtered = [this](const std::vector<at::Tensor>& in) { return (*image_fir_)(in[0], Resample::up); };
    doubled = run({.map = filtered, .channels = kSkipImageChannels, .resample = Resample::up}, image);
  }
  if (!image_conv_) return doubled;
  const auto added = [this](const std::vector<at::Tensor>& in) {
    const at::Tensor more = (*image_conv_)(in[0]);
    return in.size() > 1 ? in[1] + more : more;
  };
  const Pass pass{.map = added, .channels = kSkipImageChannels, .norm = &*image_norm_, .activation = Activation::silu};
  return doubled.defined() ? run(pass, x, doubled) : run(pass, x);
}

FeatureMap UpLevel::operator()(Execution& run, FeatureMap x, const at::Tensor& temb, Bypass& bypass) const {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    x = run.concatenated(x, bypass.features.back());
    bypass.features.pop_back();
    x = resnets_[i](run, x, temb);
    if (!attentions_.empty()) x = attentions_[i](run, x);
  }
  if (last_attention_) x = (*last_attention_)(run, x);
  if (image_fir_) bypass.image = image_past(run, x, bypass.image);
  if (doubling_resnet_) return (*doubling_resnet_)(run, x, temb);
  if (!doubling_conv_) return x;
  const auto doubled = [this](const std::vector<at::Tensor>& in) {
    return (*doubling_conv_)(at::upsample_nearest2d(in[0], {2 * in[0].size(2), 2 * in[0].size(3)}));
  };
  return run({.map = doubled, .channels = doubling_conv_->out_channels(), .resample = Resample::up}, std::move(x));
}

}  // namespace recon
