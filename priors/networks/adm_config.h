#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "priors/networks/network_kind.h"
#include "recon/core/parameters.h"

namespace recon {

/// The options of a guided-diffusion U-Net under the names of its scripts, with their defaults but for learn_sigma,
/// which all published models have.
struct AdmConfig {
  std::int64_t image_size = 64;
  std::int64_t in_channels = 3;
  std::int64_t num_channels = 128;  ///< of the first level, times its multiplier
  std::int64_t num_res_blocks = 2;
  std::vector<double> channel_mult;  ///< per level, finest first; empty: what the scripts take for image_size
  std::vector<std::int64_t> attention_resolutions = {16, 8};  ///< in pixels of image_size
  std::int64_t num_heads = 4;
  std::int64_t num_head_channels = -1;   ///< -1: num_heads heads; else heads of so many channels
  std::int64_t num_heads_upsample = -1;  ///< -1: as num_heads
  bool use_scale_shift_norm = true, resblock_updown = false, use_new_attention_order = false;
  bool conv_resample = true;  ///< without resblock_updown: resolution changes by a convolution, else without parameters
  bool learn_sigma = true;    ///< twice the channels out; the second half is a variance
  std::int64_t norm_groups = 32;
  ClassLabels classes = {};  ///< num_classes, that of its `UNetModel`: 1000 where the scripts have class_cond

  void visit(ParameterVisitor& v);
  /// Throws Error(data) at `location` naming the key for numbers that do not fit each other; fills in channel_mult.
  void complete(const std::string& location);

  NetworkFacts facts() const {
    return {.in_channels = in_channels,
            .size_multiple = size_multiple(),
            .sample_size = {image_size, image_size},
            .learned_variance = learn_sigma};
  }

  std::int64_t out_channels() const { return learn_sigma ? 2 * in_channels : in_channels; }
  std::int64_t size_multiple() const { return std::int64_t{1} << (channel_mult.size() - 1); }
  std::int64_t channels(std::size_t level) const;
  bool attends(std::size_t level) const;
  std::int64_t heads(std::int64_t channels, bool on_the_way_up) const;
};

}  // namespace recon
