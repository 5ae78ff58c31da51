#pragma once

#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "priors/networks/network_kind.h"
#include "priors/networks/time_features.h"
#include "recon/core/parameters.h"

namespace recon {

inline constexpr std::int64_t kSongGroupChannels = 4;  ///< channels of a normalisation group at least

/// Where the image enters: once, or (NCSN++) at every level.
enum class SongEncoder { standard, residual };
constexpr auto words_of(SongEncoder) {
  using enum SongEncoder;
  return std::to_array<Word<SongEncoder>>({{standard, "standard"}, {residual, "residual"}});
}

/// What differs between the U-Nets of EDM's files, which have the same plan and, but for the end, the same names.
struct EdmFamily {
  double eps = 1e-6;                          ///< of the norms
  double output_scale = std::numbers::sqrt2;  ///< what a block and its attention are divided by
  bool adm = false;  ///< after Dhariwal & Nichol 2021: time scales and shifts, attention after all blocks of a level,
                     ///< heads of some channels, features of the time with the cosine first, another first width
};

/// The options of EDM's `SongUNet` under its names, with its defaults: DDPM++ as they are, NCSN++ with embedding_type
/// fourier, channel_mult_noise 2, encoder_type residual, resample_filter [1, 3, 3, 1].
struct SongConfig {
  std::int64_t img_resolution = 32;
  std::int64_t in_channels = 3;
  std::int64_t model_channels = 128;
  std::vector<std::int64_t> channel_mult = {1, 2, 2, 2};  ///< per level, finest first
  std::int64_t channel_mult_emb = 4, channel_mult_noise = 1;
  std::int64_t num_blocks = 4;
  std::vector<std::int64_t> attn_resolutions = {16};  ///< in pixels of img_resolution
  TimeFeatures embedding_type = TimeFeatures::positional;
  SongEncoder encoder_type = SongEncoder::standard;
  std::vector<double> resample_filter = {1, 1};  ///< its length counts; the weights have the filter
  std::int64_t augment_dim = 0;                  ///< of map_augment, which sampling does not use; 9 in EDM's own models
  std::int64_t channels_per_head = 0;            ///< of attention, where the level has it; 0: one head
  ClassLabels classes = {.none_known = true};    ///< label_dim
  EdmFamily family = {};                         ///< not an option

  void visit(ParameterVisitor& v);
  /// Throws Error(data) at `location` naming the key for numbers that do not fit each other.
  void complete(const std::string& location) const;
  NetworkFacts facts() const {
    return {.in_channels = in_channels,
            .size_multiple = size_multiple(),
            .sample_size = {img_resolution, img_resolution},
            .conditioned_on_noise_level = true};
  }

  std::int64_t size_multiple() const { return std::int64_t{1} << (channel_mult.size() - 1); }
  std::int64_t channels(std::size_t level) const;
  std::int64_t resolution(std::size_t level) const { return img_resolution >> level; }
  bool attends(std::size_t level) const;
  std::int64_t first_channels() const { return family.adm ? channels(0) : model_channels; }
  std::int64_t heads(std::int64_t channels) const { return channels_per_head > 0 ? channels / channels_per_head : 1; }
};

/// The options of EDM's `DhariwalUNet`, its ADM, under its names and with its defaults.
struct DhariwalConfig : SongConfig {
  DhariwalConfig();
  void visit(ParameterVisitor& v);  ///< those of SongConfig that the class has
};

}  // namespace recon
