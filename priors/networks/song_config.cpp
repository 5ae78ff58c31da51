#include "priors/networks/song_config.h"

#include <algorithm>

#include "priors/networks/network_limits.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// The options of both classes.
void visit_plan(SongConfig& config, ParameterVisitor& v) {
  const Limits positive{.min = 1, .max = static_cast<double>(kMaxChannels)};
  v.field("img_resolution", config.img_resolution, "side of the images of training", positive);
  v.field("in_channels", config.in_channels, "of the image", positive);
  v.field("model_channels", config.model_channels, "channels of a level are this times its multiplier", positive);
  v.field("channel_mult", config.channel_mult, "a whole multiplier per level, finest first", positive);
  v.field("channel_mult_emb", config.channel_mult_emb, "channels of the time embedding, in model_channels",
          {.min = 1, .max = 64});
  v.field("num_blocks", config.num_blocks, "residual blocks per level on the way down", {.min = 1, .max = 64});
  v.field("attn_resolutions", config.attn_resolutions, "sides, in pixels, at which there is self-attention", positive);
  v.field("augment_dim", config.augment_dim, "of map_augment in the file, 0 where there is none",
          {.min = 0, .max = 1024});
  v.field("label_dim", config.classes.count, "classes of images; 0: no labels", {.min = 0, .max = 1e6});
}

}  // namespace

void SongConfig::visit(ParameterVisitor& v) {
  visit_plan(*this, v);
  v.field("channel_mult_noise", channel_mult_noise, "features of the time, in model_channels: 2 for NCSN++",
          {.min = 1, .max = 64});
  v.choice("embedding_type", embedding_type, "how the network sees the time");
  v.choice("encoder_type", encoder_type, "residual for NCSN++: the image enters at every level");
  v.field("resample_filter", resample_filter, "[1, 1] for DDPM++, [1, 3, 3, 1] for NCSN++");
}

DhariwalConfig::DhariwalConfig() {
  model_channels = 192;
  channel_mult = {1, 2, 3, 4};
  num_blocks = 3;
  attn_resolutions = {32, 16, 8};
  channels_per_head = 64;
  family = {.eps = 1e-5, .output_scale = 1, .adm = true};
}

void DhariwalConfig::visit(ParameterVisitor& v) {
  visit_plan(*this, v);
  v.field("channels_per_head", channels_per_head, "channels of an attention head; 64 in EDM's class",
          {.min = 1, .max = static_cast<double>(kMaxChannels)});
}

void SongConfig::complete(const std::string& location) const {
  if (channel_mult.empty() || channel_mult.size() > kMaxLevels) {
    throw data_error(location, "'channel_mult': expected 1 to {} whole numbers", kMaxLevels);
  }
  if (img_resolution % size_multiple() != 0) {
    throw data_error(location, "'img_resolution': expected a multiple of {} for {} levels, got {}", size_multiple(),
                     channel_mult.size(), img_resolution);
  }
  if (resample_filter.size() % 2 != 0 || resample_filter.empty() || resample_filter.size() > 16) {
    throw data_error(location, "'resample_filter': expected an even number of taps, at most 16");
  }
  if (const std::int64_t features = model_channels * channel_mult_noise; features % 2 != 0 || features < 4) {
    throw data_error(location, "'model_channels': expected an even number of features of the time, 4 or more, got {}",
                     features);
  }
  for (std::size_t level = 0; level < channel_mult.size(); ++level) {
    // A norm has C / 4 groups, at most 32, and they must divide C.
    const std::int64_t wide = channels(level), groups = std::min<std::int64_t>(32, wide / kSongGroupChannels);
    if (wide > kMaxChannels || groups < 1 || wide % groups != 0) {
      throw data_error(location, "'model_channels': {} channels at level {} do not divide into groups of a norm", wide,
                       level);
    }
    const bool has_attention = attends(level) || level + 1 == channel_mult.size();
    if (has_attention && channels_per_head > 0 && wide % channels_per_head != 0) {
      throw data_error(location, "'channels_per_head': {} does not divide the {} channels of level {}",
                       channels_per_head, wide, level);
    }
  }
}

std::int64_t SongConfig::channels(std::size_t level) const { return model_channels * channel_mult[level]; }

bool SongConfig::attends(std::size_t level) const {
  return std::find(attn_resolutions.begin(), attn_resolutions.end(), resolution(level)) != attn_resolutions.end();
}

}  // namespace recon
