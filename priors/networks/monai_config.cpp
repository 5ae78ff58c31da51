#include "priors/networks/monai_config.h"

#include "priors/networks/network_limits.h"
#include "recon/core/error.h"

namespace recon {
namespace {

void require_entries(std::size_t entries, std::size_t levels, const char* key, const std::string& location) {
  if (entries != 1 && entries != levels) {
    throw data_error(location, "'{}': expected 1 or {} numbers, one per level, got {}", key, levels, entries);
  }
}

}  // namespace

void MonaiConfig::visit(ParameterVisitor& v) {
  const Limits positive{.min = 1, .max = static_cast<double>(kMaxChannels)};
  v.field("spatial_dims", spatial_dims, "2", {.min = 1, .max = 3});
  v.field("in_channels", in_channels, "of the image", positive);
  v.field("out_channels", out_channels, "as in_channels, or twice as many for a learned variance", positive);
  v.field("num_res_blocks", num_res_blocks, "residual blocks of a level on the way down, the same on all",
          {.min = 1, .max = 64});
  v.field("channels", channels, "of each level, finest first", positive);
  v.visit({"attention_levels", "true or false per level: self-attention", &attention_levels, {}, {"true", "false"}});
  v.field("norm_num_groups", norm_num_groups, "groups of the group norms", positive);
  v.field("norm_eps", norm_eps, "of the group norms", {.min = 0, .open_min = true});
  v.field("resblock_updown", resblock_updown, "resolution changes inside residual blocks");
  v.field("num_head_channels", num_head_channels, "channels of an attention head, the same on all levels that have it",
          {.min = 0, .max = static_cast<double>(kMaxChannels)});
  v.field("num_class_embeds", classes.count, "classes of images; 0: no labels", {.min = 0, .max = 1e6});
  v.choice("layout", layout, "names of parameters: of MONAI, or of the older MONAI Generative");
}

void MonaiConfig::complete(const std::string& location) const {
  const std::size_t levels = channels.size();
  if (spatial_dims != 2) throw data_error(location, "'spatial_dims': only 2 is supported, got {}", spatial_dims);
  if (channels.empty() || levels > kMaxLevels || attention_levels.size() != levels) {
    throw data_error(location, "'channels', 'attention_levels': expected one entry per level (1..{}), got {} and {}",
                     kMaxLevels, levels, attention_levels.size());
  }
  if (out_channels != in_channels && out_channels != 2 * in_channels) {
    throw data_error(location, "'out_channels': expected {} or {}, got {}", in_channels, 2 * in_channels, out_channels);
  }
  require_entries(num_res_blocks.size(), levels, "num_res_blocks", location);
  for (const std::int64_t blocks : num_res_blocks) {
    if (blocks != num_res_blocks.front()) {
      throw data_error(location, "'num_res_blocks': only the same number on all levels is supported, got {} and {}",
                       num_res_blocks.front(), blocks);
    }
  }
  require_entries(num_head_channels.size(), levels, "num_head_channels", location);
  for (std::size_t level = 0; level < levels; ++level) {
    const std::int64_t wide = channels[level];
    if (wide % norm_num_groups != 0) {
      throw data_error(location, "'norm_num_groups': {} does not divide {} channels", norm_num_groups, wide);
    }
    if (attention_levels[level] == "false" && level + 1 != levels) continue;
    const std::int64_t head = num_head_channels.size() == 1 ? num_head_channels[0] : num_head_channels[level];
    if (head < 1 || wide % head != 0) {
      throw data_error(location, "'num_head_channels': {} does not divide the {} channels of level {}", head, wide,
                       level);
    }
    if (head != num_head_channels.back()) {
      throw data_error(location, "'num_head_channels': only the same number on all levels is supported, got {} and {}",
                       head, num_head_channels.back());
    }
  }
}

UNet2DConfig MonaiConfig::as_unet2d() const {
  UNet2DConfig unet;
  unet.in_channels = in_channels;
  unet.out_channels = out_channels;
  for (const auto& attends : attention_levels) {
    unet.down.push_back({attends == "true", resblock_updown ? LevelResample::resnet : LevelResample::conv});
  }
  unet.up.assign(unet.down.rbegin(), unet.down.rend());
  unet.channels = channels;
  unet.layers_per_block = num_res_blocks.front();
  unet.attention_head_dim = num_head_channels.back();
  unet.norm_num_groups = norm_num_groups;
  unet.norm_eps = norm_eps;
  unet.classes = classes;
  return unet;
}

}  // namespace recon
