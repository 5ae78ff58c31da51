#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recon/core/parameters.h"

namespace recon {

/// The options of EDM's `SongUNet` under its names, with its defaults: DDPM++ as they are, NCSN++ with embedding_type
/// fourier, channel_mult_noise 2, encoder_type residual, resample_filter [1, 3, 3, 1]. Without class labels.
struct SongConfig {
  std::int64_t img_resolution = 32;
  std::int64_t in_channels = 3;
  std::int64_t model_channels = 128;
  std::vector<double> channel_mult = {1, 2, 2, 2};  ///< per level, finest first
  std::int64_t channel_mult_emb = 4, channel_mult_noise = 1;
  std::int64_t num_blocks = 4;
  std::vector<double> attn_resolutions = {16};  ///< in pixels of img_resolution
  std::string embedding_type = "positional", encoder_type = "standard";
  std::vector<double> resample_filter = {1, 1};  ///< its length counts; the weights have the filter
  std::int64_t augment_dim = 0;                  ///< of map_augment, which sampling does not use; 9 in EDM's own models

  void visit(ParameterVisitor& v);
  /// Throws Error(data) at `place` naming the key for numbers that do not fit each other.
  void check(const std::string& place) const;

  std::int64_t size_multiple() const { return std::int64_t{1} << (channel_mult.size() - 1); }
  std::int64_t channels(std::size_t level) const;
  std::int64_t resolution(std::size_t level) const { return img_resolution >> level; }
  bool attends(std::size_t level) const;
};

}  // namespace recon
