#include "priors/networks/unet2d_config.h"

#include <nlohmann/json.hpp>

#include "priors/checkpoints/json_fields.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t kMaxChannels = 1 << 16;
constexpr std::int64_t kMaxLayers = 64;
constexpr std::size_t kMaxLevels = 16;

void require_between(std::int64_t value, std::int64_t low, std::int64_t high, const char* key,
                     const std::string& place) {
  if (value < low || value > high) {
    throw data_error(place, "'{}': expected {}..{}, got {}", key, low, high, value);
  }
}

/// One of two words; returns whether it is the second.
bool second_of(JsonFields& fields, const char* key, const char* first, const char* second) {
  std::string word = first;
  fields.read(key, word);
  if (word != first && word != second) {
    throw data_error(fields.place(), "'{}': supported are {} and {}, got '{}'", key, first, second, word);
  }
  return word == second;
}

/// "AttnDownBlock2D" and the like; `side` is Down or Up.
LevelConfig level_from(std::string type, const std::string& side, LevelResample resample, const std::string& place) {
  const std::string given = type;
  if (type.starts_with("UNetRes")) type.erase(0, 7);  // a prefix of old files without meaning
  if (type == side + "Block2D") return {false, LevelResample::conv};
  if (type == "Resnet" + side + "sampleBlock2D") return {false, LevelResample::resnet};
  if (type == "Attn" + side + "Block2D") return {true, resample};
  throw data_error(place,
                   "block type '{}' is not supported; on this side are {}Block2D, Attn{}Block2D, Resnet{}sampleBlock2D",
                   given, side, side, side);
}

void read_levels(JsonFields& fields, UNet2DConfig& config) {
  std::vector<std::string> down = {"DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"};
  std::vector<std::string> up = {"AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"};
  fields.read("down_block_types", down);
  fields.read("up_block_types", up);
  fields.read("block_out_channels", config.channels);
  if (down.size() != config.channels.size() || up.size() != config.channels.size() || down.empty() ||
      down.size() > kMaxLevels) {
    throw data_error(fields.place(),
                     "block_out_channels, down_block_types and up_block_types must have one entry per "
                     "level (1..{}), got {}, {} and {}",
                     kMaxLevels, config.channels.size(), down.size(), up.size());
  }
  const auto resample = [&](const char* key) {
    return second_of(fields, key, "conv", "resnet") ? LevelResample::resnet : LevelResample::conv;
  };
  const LevelResample down_resample = resample("downsample_type"), up_resample = resample("upsample_type");
  for (const auto& type : down) config.down.push_back(level_from(type, "Down", down_resample, fields.place()));
  for (const auto& type : up) config.up.push_back(level_from(type, "Up", up_resample, fields.place()));
}

void read_mid_block(JsonFields& fields, UNet2DConfig& config) {
  std::optional<std::string> type = "UNetMidBlock2D";
  fields.read("mid_block_type", type);
  if (type && *type != "UNetMidBlock2D") {
    throw data_error(fields.place(), "'mid_block_type': supported are UNetMidBlock2D and null, got '{}'", *type);
  }
  config.mid_block = type.has_value();
  fields.read("add_attention", config.mid_attention);
  fields.read("mid_block_scale_factor", config.mid_block_scale_factor);
  if (!(config.mid_block_scale_factor > 0)) {
    throw data_error(fields.place(), "'mid_block_scale_factor': expected a positive number, got {}",
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
  require_between(dim, 1, 4 * kMaxChannels, "time_embedding_dim", fields.place());
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
    throw data_error(fields.place(), "'sample_size': expected a positive number or two, got {}", json.dump());
  }
}

void refuse_classes(JsonFields& fields) {
  for (const char* key : {"class_embed_type", "num_class_embeds"}) {
    if (!fields.take(key).is_null()) {
      throw data_error(fields.place(), "'{}': class-conditional networks are not supported; expected null, got {}", key,
                       fields.take(key).dump());
    }
  }
}

void require_divisible(std::int64_t channels, std::int64_t groups, const char* key, const std::string& place) {
  if (channels % groups != 0) {
    throw data_error(place, "'{}': {} does not divide {} channels", key, groups, channels);
  }
}

void check_channels(const UNet2DConfig& config, const std::string& place) {
  require_between(config.in_channels, 1, kMaxChannels, "in_channels", place);
  require_between(config.out_channels, 1, kMaxChannels, "out_channels", place);
  require_between(config.layers_per_block, 1, kMaxLayers, "layers_per_block", place);
  require_between(config.norm_num_groups, 1, kMaxChannels, "norm_num_groups", place);
  require_between(config.downsample_padding, 0, 1, "downsample_padding", place);
  for (const auto channels : config.channels) {
    require_between(channels, 1, kMaxChannels, "block_out_channels", place);
    require_divisible(channels, config.norm_num_groups, "norm_num_groups", place);
    if (config.attention_head_dim) {
      require_between(*config.attention_head_dim, 1, channels, "attention_head_dim", place);
    }
  }
  if (config.attn_norm_num_groups) {
    require_between(*config.attn_norm_num_groups, 1, kMaxChannels, "attn_norm_num_groups", place);
    require_divisible(config.channels.back(), *config.attn_norm_num_groups, "attn_norm_num_groups", place);
  }
  if (!config.fourier_time) {
    require_between(config.freq_shift, -kMaxChannels, config.channels.front() / 2 - 1, "freq_shift", place);
  }
}

}  // namespace

UNet2DConfig parse_unet2d_config(const nlohmann::json& json, const std::string& place) {
  JsonFields fields(json, place);
  std::string class_name = "UNet2DModel";
  fields.read("_class_name", class_name);
  if (class_name != "UNet2DModel") {
    throw data_error(place, "'_class_name': supported is UNet2DModel, got '{}'", class_name);
  }
  UNet2DConfig config;
  fields.read("in_channels", config.in_channels);
  fields.read("out_channels", config.out_channels);
  fields.read("center_input_sample", config.center_input_sample);
  fields.read("layers_per_block", config.layers_per_block);
  fields.read("downsample_padding", config.downsample_padding);
  std::string activation = "silu";
  fields.read("act_fn", activation);
  config.activation = activation_from(activation, place);
  fields.read("attention_head_dim", config.attention_head_dim);
  fields.read("norm_num_groups", config.norm_num_groups);
  fields.read("norm_eps", config.norm_eps);
  if (!(config.norm_eps > 0))
    throw data_error(place, "'norm_eps': expected a positive number, got {}", config.norm_eps);
  read_levels(fields, config);
  read_mid_block(fields, config);
  read_time(fields, config);
  read_sample_size(fields, config);
  refuse_classes(fields);
  // Dropout acts in training only; num_train_timesteps matters to the learned time embedding only.
  fields.ignore({"dropout", "num_train_timesteps"});
  fields.refuse_the_rest("the UNet2DModel reader");
  check_channels(config, place);
  return config;
}

UNet2DConfig read_unet2d_config(const std::filesystem::path& path) {
  return parse_unet2d_config(parse_json_file(path), path.string());
}

}  // namespace recon
