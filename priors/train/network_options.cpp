#include "priors/train/network_options.h"

#include "recon/core/error.h"

namespace recon {

void NetworkOptions::visit(ParameterVisitor& v) {
  v.field("channels", channels, "of each level, finest first; each level after the first halves the resolution",
          {.min = 1, .max = 65536});
  v.field("layers", layers, "residual blocks per level on the way down; one more on the way up", {.min = 1, .max = 64});
  v.field("attention", attention, "levels with self-attention, 0 is the finest", {.min = 0});
  v.field("mid_attention", mid_attention, "self-attention at the coarsest resolution, between the two ways");
  v.field("head_channels", head_channels, "channels of an attention head", {.min = 1});
  v.field("groups", groups, "groups of the group norms; divides all channels", {.min = 1});
  v.choice("time_embedding", time_embedding, "how the network sees the time");
  v.field("scale_shift", scale_shift, "time scales and shifts features instead of being added to them");
}

UNet2DConfig NetworkOptions::config(std::int64_t in, const std::string& location) const {
  UNet2DConfig config;
  config.in_channels = config.out_channels = in;
  config.attention_head_dim = std::nullopt;  // has no meaning without attention
  config.channels = channels;
  for (const std::int64_t value : channels) {
    if (value < 1 || value % groups != 0) {
      throw usage_error(location, "'channels': expected multiples of groups = {}, got {}", groups, value);
    }
  }
  const std::size_t levels = config.channels.size();
  if (levels < 1 || levels > 16) throw usage_error(location, "'channels': expected 1 to 16 levels, got {}", levels);
  config.down.resize(levels);
  config.up.resize(levels);
  for (const std::int64_t value : attention) {
    const auto level = static_cast<std::size_t>(value);
    if (value < 0 || level >= levels)
      throw usage_error(location, "'attention': expected levels below {}, got {}", levels, value);
    config.down[level].attention = config.up[levels - 1 - level].attention = true;
  }
  for (std::size_t i = 0; i < levels; ++i) {
    if (!config.down[i].attention && !(mid_attention && i + 1 == levels)) continue;
    config.attention_head_dim = head_channels;
    if (config.channels[i] % head_channels != 0) {
      throw usage_error(location, "'head_channels': expected a divisor of the {} channels of level {}, got {}",
                        config.channels[i], i, head_channels);
    }
  }
  config.layers_per_block = layers;
  config.mid_attention = mid_attention;
  config.norm_num_groups = groups;
  config.fourier_time = time_embedding == TimeFeatures::fourier;
  config.scale_shift = scale_shift;
  return config;
}

}  // namespace recon
