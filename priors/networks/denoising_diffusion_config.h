#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "priors/networks/network_kind.h"
#include "recon/core/parameters.h"

namespace recon {

/// The options of the `Unet` of denoising-diffusion-pytorch under its names, with its defaults (2.3). Options of one
/// value per level may be lists of one number, which then holds for all.
struct DenoisingDiffusionConfig {
  std::int64_t dim = 64;       ///< channels of a level are this times its multiplier
  std::int64_t init_dim = -1;  ///< channels of the first level; -1: dim
  std::vector<std::int64_t> dim_mults = {1, 2, 4, 8};
  std::int64_t channels = 3;    ///< of the image
  bool self_condition = false;  ///< the network also takes an estimate of the clean image; here zeros, as at its start
  bool learned_variance = false;  ///< twice the channels out; the second half is a variance
  double sinusoidal_pos_emb_theta = 10000;
  std::vector<std::int64_t> attn_dim_head = {32}, attn_heads = {4};
  std::vector<std::string> full_attn = {};  ///< true or false; empty: true for the last level only

  void visit(ParameterVisitor& v);
  /// Throws Error(data) at `location` naming the key for numbers that do not fit each other; fills in what is one for
  /// all levels.
  void complete(const std::string& location);
  NetworkFacts facts() const {
    return {.in_channels = channels, .size_multiple = size_multiple(), .learned_variance = learned_variance};
  }

  std::size_t levels() const { return dim_mults.size(); }
  std::int64_t size_multiple() const { return std::int64_t{1} << (levels() - 1); }
  std::int64_t out_channels() const { return learned_variance ? 2 * channels : channels; }
  std::int64_t first_channels() const { return init_dim > 0 ? init_dim : dim; }
  std::int64_t level_in(std::size_t level) const { return level == 0 ? first_channels() : level_out(level - 1); }
  std::int64_t level_out(std::size_t level) const { return dim * dim_mults[level]; }
};

}  // namespace recon
