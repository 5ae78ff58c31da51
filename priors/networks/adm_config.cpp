#include "priors/networks/adm_config.h"

#include <algorithm>
#include <map>

#include "priors/networks/network_limits.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// The multipliers of guided-diffusion's scripts.
std::vector<double> usual_multipliers(std::int64_t image_size, const std::string& location) {
  static const std::map<std::int64_t, std::vector<double>> table{
      {512, {0.5, 1, 1, 2, 2, 4, 4}}, {256, {1, 1, 2, 2, 4, 4}}, {128, {1, 1, 2, 3, 4}}, {64, {1, 2, 3, 4}}};
  const auto found = table.find(image_size);
  if (found == table.end()) {
    throw data_error(location,
                     "'channel_mult': expected a list; it has a default for image_size 64, 128, 256 and 512 only");
  }
  return found->second;
}

}  // namespace

void AdmConfig::visit(ParameterVisitor& v) {
  const Limits positive{.min = 1, .max = static_cast<double>(kMaxChannels)};
  const Limits heads{.min = -1, .max = static_cast<double>(kMaxChannels)};
  v.field("image_size", image_size, "side of the images of training", positive);
  v.field("in_channels", in_channels, "of the image", positive);
  v.field("num_channels", num_channels, "channels of a level are this times its multiplier", positive);
  v.field("num_res_blocks", num_res_blocks, "residual blocks per level on the way down", {.min = 1, .max = 64});
  v.field("channel_mult", channel_mult, "a multiplier per level, finest first; not needed for 64, 128, 256, 512");
  v.field("attention_resolutions", attention_resolutions, "sides, in pixels, at which there is self-attention",
          positive);
  v.field("num_heads", num_heads, "attention heads, where num_head_channels is -1", positive);
  v.field("num_head_channels", num_head_channels, "channels of a head; -1: num_heads decides", heads);
  v.field("num_heads_upsample", num_heads_upsample, "attention heads on the way up; -1: as num_heads", heads);
  v.field("use_scale_shift_norm", use_scale_shift_norm, "time scales and shifts features instead of being added");
  v.field("resblock_updown", resblock_updown, "resolution changes inside residual blocks");
  v.field("use_new_attention_order", use_new_attention_order, "queries, keys, values are split before the heads");
  v.field("conv_resample", conv_resample, "without resblock_updown: by convolutions, else by mean and repetition");
  v.field("learn_sigma", learn_sigma, "the network gives a variance beside its prediction");
  v.field("norm_groups", norm_groups, "groups of the group norms; 32 in all published models", positive);
  v.field("num_classes", classes.count, "classes of images; 0: no labels, 1000 where the scripts have class_cond",
          {.min = 0, .max = 1e6});
}

void AdmConfig::complete(const std::string& location) {
  if (channel_mult.empty()) channel_mult = usual_multipliers(image_size, location);
  if (channel_mult.size() > kMaxLevels)
    throw data_error(location, "'channel_mult': expected at most {} levels", kMaxLevels);
  if (image_size % size_multiple() != 0) {
    throw data_error(location, "'image_size': expected a multiple of {} for {} levels, got {}", size_multiple(),
                     channel_mult.size(), image_size);
  }
  for (std::size_t level = 0; level < channel_mult.size(); ++level) {
    const double mult = channel_mult[level];
    if (!(mult > 0) || mult * static_cast<double>(num_channels) > static_cast<double>(kMaxChannels)) {
      throw data_error(location, "'channel_mult': expected positive numbers with at most {} channels, got {}",
                       kMaxChannels, mult);
    }
    const std::int64_t wide = channels(level);
    if (wide < 1 || wide % norm_groups != 0) {
      throw data_error(location, "'norm_groups': {} does not divide the {} channels of level {}", norm_groups, wide,
                       level);
    }
    for (const bool up : {false, true}) {
      if (!attends(level) && level + 1 != channel_mult.size()) continue;
      if (num_head_channels == 0 || heads(wide, up) < 1 || wide % heads(wide, up) != 0 ||
          (num_head_channels > 0 && wide % num_head_channels != 0)) {
        throw data_error(
            location,
            "'num_heads', 'num_head_channels', 'num_heads_upsample': heads do not divide the {} channels of level {}",
            wide, level);
      }
    }
  }
}

std::int64_t AdmConfig::channels(std::size_t level) const {
  return static_cast<std::int64_t>(channel_mult[level] * static_cast<double>(num_channels));
}

bool AdmConfig::attends(std::size_t level) const {
  // As the scripts: attention where image_size / resolution, rounded down, is the level's reduction.
  return std::any_of(attention_resolutions.begin(), attention_resolutions.end(),
                     [&](std::int64_t side) { return image_size / side == std::int64_t{1} << level; });
}

std::int64_t AdmConfig::heads(std::int64_t channels, bool on_the_way_up) const {
  if (num_head_channels > 0) return channels / num_head_channels;
  return on_the_way_up && num_heads_upsample != -1 ? num_heads_upsample : num_heads;
}

}  // namespace recon
