#include "priors/networks/unet2d_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "priors/json_fields.h"
#include "priors/networks/network_limits.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t kMaxLayers = 64, kMaxClasses = 1'000'000;

void require_between(std::int64_t value, std::int64_t low, std::int64_t high, const char* key,
                     const std::string& location) {
  if (value < low || value > high) {
    throw data_error(location, "'{}': expected {}..{}, got {}", key, low, high, value);
  }
}

/// One of two words; returns whether it is the second.
bool second_of(JsonFields& fields, const char* key, const char* first, const char* second) {
  std::string word = first;
  fields.read(key, word);
  if (word != first && word != second) {
    throw data_error(fields.location(), "'{}': supported are {} and {}, got '{}'", key, first, second, word);
  }
  return word == second;
}

/// "AttnDownBlock2D" and the like; `side` is Down or Up.
LevelConfig level_from(std::string type, const std::string& side, LevelResample resample, const std::string& location) {
  const std::string given = type;
  if (type.starts_with("UNetRes")) type.erase(0, 7);  // a prefix of old files without meaning
  if (type == side + "Block2D") return {false, LevelResample::conv};
  if (type == "Resnet" + side + "sampleBlock2D") return {false, LevelResample::resnet};
  if (type == "Attn" + side + "Block2D") return {true, resample};
  if (type == "Skip" + side + "Block2D") return {false, LevelResample::skip};
  if (type == "AttnSkip" + side + "Block2D") return {true, LevelResample::skip};
  throw data_error(location,
                   "block type '{0}' is not supported; on this side are {1}Block2D, Attn{1}Block2D, "
                   "Resnet{1}sampleBlock2D, Skip{1}Block2D, AttnSkip{1}Block2D",
                   given, side);
}

void read_levels(JsonFields& fields, UNet2DConfig& config) {
  std::vector<std::string> down = {"DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"};
  std::vector<std::string> up = {"AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"};
  fields.read("down_block_types", down);
  fields.read("up_block_types", up);
  fields.read("block_out_channels", config.channels);
  if (down.size() != config.channels.size() || up.size() != config.channels.size() || down.empty() ||
      down.size() > kMaxLevels) {
    throw data_error(fields.location(),
                     "block_out_channels, down_block_types and up_block_types must have one entry per "
                     "level (1..{}), got {}, {} and {}",
                     kMaxLevels, config.channels.size(), down.size(), up.size());
  }
  const auto resample = [&](const char* key) {
    return second_of(fields, key, "conv", "resnet") ? LevelResample::resnet : LevelResample::conv;
  };
  const LevelResample down_resample = resample("downsample_type"), up_resample = resample("upsample_type");
  for (const auto& type : down) config.down.push_back(level_from(type, "Down", down_resample, fields.location()));
  for (const auto& type : up) config.up.push_back(level_from(type, "Up", up_resample, fields.location()));
}

void read_mid_block(JsonFields& fields, UNet2DConfig& config) {
  std::optional<std::string> type = "UNetMidBlock2D";
  fields.read("mid_block_type", type);
  if (type && *type != "UNetMidBlock2D") {
    throw data_error(fields.location(), "'mid_block_type': supported are UNetMidBlock2D and null, got '{}'", *type);
  }
  config.mid_block = type.has_value();
  fields.read("add_attention", config.mid_attention);
  fields.read("mid_block_scale_factor", config.mid_block_scale_factor);
  if (!(config.mid_block_scale_factor > 0)) {
    throw data_error(fields.location(), "'mid_block_scale_factor': expected a positive number, got {}",
                     config.mid_block_scale_factor);
  }
  fields.read("attn_norm_num_groups", config.attn_norm_num_groups);
}

void read_time(JsonFields& fields, UNet2DConfig& config) {
  config.fourier_time = second_of(fields, "time_embedding_type", "positional", "fourier");
  fields.read("time_embedding_dim", config.time_embedding_dim);
  fields.read("freq_shift", config.freq_shift);
  fields.read("flip_sin_to_cos", config.flip_sin_to_cos);
  config.scale_shift = second_of(fields, "resnet_time_scale_shift", "default", "scale_shift");
  if (config.time_embedding_dim == 0) config.time_embedding_dim.reset();  // as diffusers: 0 is "not given"
  const std::int64_t dim = config.time_embedding_dim.value_or(1);
  require_between(dim, 1, 4 * kMaxChannels, "time_embedding_dim", fields.location());
}

void read_sample_size(JsonFields& fields, UNet2DConfig& config) {
  const nlohmann::json& json = fields.take("sample_size");
  if (json.is_null()) return;
  if (json.is_array()) {
    fields.read("sample_size", config.sample_size);
  } else {
    std::int64_t side = 0;
    fields.read("sample_size", side);
    config.sample_size = {side, side};
  }
  if (config.sample_size.size() != 2 || config.sample_size[0] < 1 || config.sample_size[1] < 1) {
    throw data_error(fields.location(), "'sample_size': expected a positive number or two, got {}", json.dump());
  }
}

void read_classes(JsonFields& fields, UNet2DConfig& config) {
  if (const nlohmann::json& type = fields.take("class_embed_type"); !type.is_null()) {
    throw data_error(fields.location(),
                     "'class_embed_type': supported is null, a table of `num_class_embeds` rows; got {}", type.dump());
  }
  std::optional<std::int64_t> count;
  fields.read("num_class_embeds", count);
  if (!count) return;
  require_between(*count, 1, kMaxClasses, "num_class_embeds", fields.location());
  config.classes.count = *count;
}

void require_divisible(std::int64_t channels, std::int64_t groups, const char* key, const std::string& location) {
  if (channels % groups != 0) {
    throw data_error(location, "'{}': {} does not divide {} channels", key, groups, channels);
  }
}

/// The image goes past the levels of a way from one to the next, so that all or none must take it.
void check_skip_way(const std::vector<LevelConfig>& way, std::int64_t image_channels, const char* types,
                    const char* image_key, const std::string& location) {
  const auto skips = std::count_if(way.begin(), way.end(), is_skip);
  if (skips == 0) return;
  if (skips != std::ssize(way)) {
    throw data_error(location, "'{}': expected Skip blocks on every level or on none, got {} of {}", types, skips,
                     way.size());
  }
  if (image_channels != kSkipImageChannels) {
    throw data_error(location, "'{}': Skip blocks are for images of {} channels, got {}", image_key, kSkipImageChannels,
                     image_channels);
  }
}

void require_skip_norm(std::int64_t channels, std::int64_t groups, const std::string& location) {
  if (groups < 1 || channels % groups != 0) {
    throw data_error(location,
                     "'block_out_channels': {} channels in a Skip block do not divide into the {} groups of its norm",
                     channels, groups);
  }
}

void check_skip_levels(const UNet2DConfig& config, const std::string& location) {
  check_skip_way(config.down, config.in_channels, "down_block_types", "in_channels", location);
  check_skip_way(config.up, config.out_channels, "up_block_types", "out_channels", location);
  const auto& channels = config.channels;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const LevelConfig &down = config.down[i], &up = config.up[channels.size() - 1 - i];
    if (is_skip(down) || is_skip(up)) require_skip_norm(channels[i], skip_groups(channels[i]), location);
    if ((is_skip(down) && down.attention) || (is_skip(up) && up.attention)) {
      require_skip_norm(channels[i], kSkipAttentionGroups, location);
    }
    if (!is_skip(up)) continue;
    const std::int64_t below = channels[std::min(i + 1, channels.size() - 1)], above = channels[i == 0 ? 0 : i - 1];
    for (std::int64_t k = 0; k <= config.layers_per_block; ++k) {
      const std::int64_t from_below = k == 0 ? below : channels[i];
      const std::int64_t from_skip = k == config.layers_per_block ? above : channels[i];
      require_skip_norm(from_below + from_skip, skip_input_groups(from_below, from_skip, up.attention), location);
    }
  }
}

void check_groups(const UNet2DConfig& config, const std::string& location) {
  if (!config.norm_num_groups) {
    if (std::all_of(config.down.begin(), config.down.end(), is_skip) &&
        std::all_of(config.up.begin(), config.up.end(), is_skip)) {
      return;
    }
    throw data_error(location, "'norm_num_groups': null is for networks of Skip blocks only; expected a number");
  }
  require_between(*config.norm_num_groups, 1, kMaxChannels, "norm_num_groups", location);
  for (const auto channels : config.channels) {
    require_divisible(channels, *config.norm_num_groups, "norm_num_groups", location);
  }
}

void check_channels(const UNet2DConfig& config, const std::string& location) {
  require_between(config.in_channels, 1, kMaxChannels, "in_channels", location);
  require_between(config.out_channels, 1, kMaxChannels, "out_channels", location);
  require_between(config.layers_per_block, 1, kMaxLayers, "layers_per_block", location);
  require_between(config.downsample_padding, 0, 1, "downsample_padding", location);
  for (const auto channels : config.channels) {
    require_between(channels, 1, kMaxChannels, "block_out_channels", location);
    if (config.attention_head_dim) {
      require_between(*config.attention_head_dim, 1, channels, "attention_head_dim", location);
    }
  }
  if (config.attn_norm_num_groups) {
    require_between(*config.attn_norm_num_groups, 1, kMaxChannels, "attn_norm_num_groups", location);
    require_divisible(config.channels.back(), *config.attn_norm_num_groups, "attn_norm_num_groups", location);
  }
  check_groups(config, location);
  check_skip_levels(config, location);
  if (!config.fourier_time) {
    require_between(config.freq_shift, -kMaxChannels, config.channels.front() / 2 - 1, "freq_shift", location);
  }
}

}  // namespace

std::int64_t skip_groups(std::int64_t channels) { return std::min(channels / kSkipGroupChannels, kSkipGroups); }

std::int64_t skip_input_groups(std::int64_t below, std::int64_t skip, bool attention) {
  return attention ? std::min(below + skip / kSkipGroupChannels, kSkipGroups) : skip_groups(below + skip);
}

std::int64_t UNet2DConfig::groups_of(std::int64_t norm_channels) const {
  return norm_num_groups.value_or(skip_groups(norm_channels));
}

UNet2DConfig parse_unet2d_config(const nlohmann::json& json, const std::string& location) {
  JsonFields fields(json, location);
  std::string class_name = "UNet2DModel";
  fields.read("_class_name", class_name);
  if (class_name != "UNet2DModel") {
    throw data_error(location, "'_class_name': supported is UNet2DModel, got '{}'", class_name);
  }
  UNet2DConfig config;
  fields.read("in_channels", config.in_channels);
  fields.read("out_channels", config.out_channels);
  fields.read("center_input_sample", config.center_input_sample);
  fields.read("layers_per_block", config.layers_per_block);
  fields.read("downsample_padding", config.downsample_padding);
  std::string activation = "silu";
  fields.read("act_fn", activation);
  config.activation = activation_from(activation, location);
  fields.read("attention_head_dim", config.attention_head_dim);
  fields.read("norm_num_groups", config.norm_num_groups);
  fields.read("norm_eps", config.norm_eps);
  if (!(config.norm_eps > 0))
    throw data_error(location, "'norm_eps': expected a positive number, got {}", config.norm_eps);
  read_levels(fields, config);
  read_mid_block(fields, config);
  read_time(fields, config);
  read_sample_size(fields, config);
  read_classes(fields, config);
  // Dropout acts in training only; num_train_timesteps matters to the learned time embedding only.
  fields.ignore({"dropout", "num_train_timesteps"});
  fields.refuse_the_rest("the UNet2DModel reader");
  check_channels(config, location);
  return config;
}

UNet2DConfig read_unet2d_config(const std::filesystem::path& path) {
  return parse_unet2d_config(parse_json_file(path), path.string());
}

}  // namespace recon
