#include <nlohmann/json.hpp>

#include "priors/networks/unet2d_config.h"

namespace recon {
namespace {

using nlohmann::json;

json block_types(const std::vector<LevelConfig>& levels, const std::string& side) {
  json types = json::array();
  for (const auto& level : levels) {
    const std::string attention = level.attention ? "Attn" : "";
    if (level.resample == LevelResample::skip) {
      types.push_back(attention + "Skip" + side + "Block2D");
    } else if (level.resample == LevelResample::resnet && !level.attention) {
      types.push_back("Resnet" + side + "sampleBlock2D");
    } else {
      types.push_back(attention + side + "Block2D");
    }
  }
  return types;
}

/// How levels with attention change the resolution: the class has one word for all of them.
const char* resample_type(const std::vector<LevelConfig>& levels) {
  for (const auto& level : levels) {
    if (level.attention && level.resample == LevelResample::resnet) return "resnet";
  }
  return "conv";
}

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json size_of(const UNet2DConfig& config) {
  const auto& size = config.sample_size;
  if (size.empty()) return nullptr;
  return size.front() == size.back() ? json(size.front()) : json(size);
}

}  // namespace

json unet2d_config_json(const UNet2DConfig& config) {
  return {{"_class_name", "UNet2DModel"},
          {"act_fn", to_string(config.activation)},
          {"add_attention", config.mid_attention},
          {"attention_head_dim", or_null(config.attention_head_dim)},
          {"attn_norm_num_groups", or_null(config.attn_norm_num_groups)},
          {"block_out_channels", config.channels},
          {"center_input_sample", config.center_input_sample},
          {"class_embed_type", nullptr},
          {"down_block_types", block_types(config.down, "Down")},
          {"downsample_padding", config.downsample_padding},
          {"downsample_type", resample_type(config.down)},
          {"dropout", 0.0},
          {"flip_sin_to_cos", config.flip_sin_to_cos},
          {"freq_shift", config.freq_shift},
          {"in_channels", config.in_channels},
          {"layers_per_block", config.layers_per_block},
          {"mid_block_scale_factor", config.mid_block_scale_factor},
          {"mid_block_type", config.mid_block ? json("UNetMidBlock2D") : json(nullptr)},
          {"norm_eps", config.norm_eps},
          {"norm_num_groups", or_null(config.norm_num_groups)},
          {"num_class_embeds", config.classes.count > 0 ? json(config.classes.count) : json(nullptr)},
          {"num_train_timesteps", nullptr},
          {"out_channels", config.out_channels},
          {"resnet_time_scale_shift", config.scale_shift ? "scale_shift" : "default"},
          {"sample_size", size_of(config)},
          {"time_embedding_dim", or_null(config.time_embedding_dim)},
          {"time_embedding_type", config.fourier_time ? "fourier" : "positional"},
          {"up_block_types", block_types(config.up, "Up")},
          {"upsample_type", resample_type(config.up)}};
}

}  // namespace recon
