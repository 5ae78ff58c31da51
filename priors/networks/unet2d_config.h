#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "priors/networks/class_labels.h"
#include "priors/networks/layers.h"

namespace recon {

/// How a level of the U-Net changes the resolution at its end.
enum class LevelResample {
  conv,    ///< strided convolution, or nearest neighbour and convolution
  resnet,  ///< a residual block that resamples inside
  skip     ///< the same with a filter, and the image beside it: NCSN++, see unet2d_blocks.h
};

/// One level (resolution) on the way down or up.
struct LevelConfig {
  bool attention = false;
  LevelResample resample = LevelResample::conv;
};
inline bool is_skip(const LevelConfig& level) { return level.resample == LevelResample::skip; }

/// The config.json of a diffusers `UNet2DModel`, with that class's defaults for what older files omit.
struct UNet2DConfig {
  std::int64_t in_channels = 3, out_channels = 3;
  bool center_input_sample = false;  ///< the network sees 2 x - 1
  bool fourier_time = false;
  std::optional<std::int64_t> time_embedding_dim;  ///< null: four times the channels of the first level
  std::int64_t freq_shift = 0;
  bool flip_sin_to_cos = true;
  std::vector<LevelConfig> down, up;  ///< up: coarsest level first
  std::vector<std::int64_t> channels = {224, 448, 672, 896};
  bool mid_block = true, mid_attention = true;
  std::int64_t layers_per_block = 2;
  double mid_block_scale_factor = 1;
  std::int64_t downsample_padding = 1;  ///< 0: one row and column of zeros at the bottom and right only
  Activation activation = Activation::silu;
  std::optional<std::int64_t> attention_head_dim = 8;  ///< null: one head
  std::optional<std::int64_t> norm_num_groups = 32;  ///< not in Skip levels; null, for nets of those only: C / 4, <= 32
  std::optional<std::int64_t> attn_norm_num_groups;  ///< mid block only; null: as norm_num_groups, none if scale_shift
  double norm_eps = 1e-5;
  bool scale_shift = false;               ///< resnet_time_scale_shift
  std::vector<std::int64_t> sample_size;  ///< {H, W} of training; empty: not said
  ClassLabels classes;                    ///< num_class_embeds

  /// Height and width of the input must be multiples of it.
  std::int64_t size_multiple() const { return std::int64_t{1} << (channels.size() - 1); }
  /// Groups of a norm outside the Skip levels.
  std::int64_t groups_of(std::int64_t norm_channels) const;
};

/// In Skip levels every norm of C channels has min(C / 4, 32) groups, but that of attention has 32 ...
std::int64_t skip_groups(std::int64_t channels);
/// ... and the first norm of a block on the way up that takes `skip` channels beside its `below`: with attention in its
/// level, diffusers divides only the former by 4.
std::int64_t skip_input_groups(std::int64_t below, std::int64_t skip, bool attention);
constexpr std::int64_t kSkipGroups = 32, kSkipGroupChannels = 4, kSkipAttentionGroups = 32;
constexpr std::int64_t kSkipImageChannels = 3;  ///< Skip levels are for colour images

/// Reads it. Throws Error(data) at `location` naming the key for: an unknown key, a wrong type, numbers that do not fit
/// each other, and what is not supported: learned time embedding, class_embed_type, `spatial` and `ada_group`
/// conditioning, downsample_padding beyond 0 and 1, Skip levels beside others on one way.
UNet2DConfig parse_unet2d_config(const nlohmann::json& json, const std::string& location);
UNet2DConfig read_unet2d_config(const std::filesystem::path& path);

/// The config.json that parse_unet2d_config() reads back to the same.
nlohmann::json unet2d_config_json(const UNet2DConfig& config);

}  // namespace recon
