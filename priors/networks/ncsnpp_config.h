#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "priors/networks/network_kind.h"
#include "priors/networks/time_features.h"
#include "recon/core/parameters.h"

namespace recon {

/// Where the image enters beside the first convolution: nowhere; at every level, halved by the filter, through a 1x1
/// convolution; or at every level through a halving 3x3 convolution that goes on from level to level.
enum class NcsnppInput { none, input_skip, residual };
constexpr auto words_of(NcsnppInput) {
  using enum NcsnppInput;
  return std::to_array<Word<NcsnppInput>>({{none, "none"}, {input_skip, "input_skip"}, {residual, "residual"}});
}

/// Where the output comes from: the last level, or every level, doubled by the filter and added.
enum class NcsnppOutput { none, output_skip };
constexpr auto words_of(NcsnppOutput) {
  using enum NcsnppOutput;
  return std::to_array<Word<NcsnppOutput>>({{none, "none"}, {output_skip, "output_skip"}});
}

/// The options of score_sde's `ncsnpp` under the names of its configs (data.* and model.*), at their values in the
/// models of score-MRI and DiffusionMBIR. What is the same in all published models is no option: BigGAN blocks, the
/// filter [1, 3, 3, 1], sums of skips, swish.
struct NcsnppConfig {
  std::int64_t image_size = 256;
  std::int64_t num_channels = 3;  ///< of the image
  std::int64_t nf = 128;
  std::vector<std::int64_t> ch_mult = {1, 2, 2, 2};  ///< per level, finest first
  std::int64_t num_res_blocks = 4;
  std::vector<std::int64_t> attn_resolutions = {16};  ///< in pixels of image_size
  TimeFeatures embedding_type = TimeFeatures::fourier;
  bool fir = true;  ///< resolution changes by the filter; else by mean and repetition
  bool skip_rescale = true;
  NcsnppInput progressive_input = NcsnppInput::residual;
  NcsnppOutput progressive = NcsnppOutput::none;
  bool scale_by_sigma = true;      ///< the output is divided by sigma
  bool centered = false;           ///< images are in [-1, 1]; else in [0, 1], and the network begins with 2 x - 1
  std::int64_t num_scales = 2000;  ///< of `sigmas` in the file

  void visit(ParameterVisitor& v);
  /// Throws Error(data) at `location` naming the key for numbers that do not fit each other.
  void complete(const std::string& location) const;
  NetworkFacts facts() const {
    return {.in_channels = num_channels,
            .size_multiple = size_multiple(),
            .sample_size = {image_size, image_size},
            .conditioned_on_noise_level = embedding_type == TimeFeatures::fourier};
  }

  std::int64_t size_multiple() const { return std::int64_t{1} << (ch_mult.size() - 1); }
  std::int64_t channels(std::size_t level) const { return nf * ch_mult[level]; }
  bool attends(std::size_t level) const;
};

}  // namespace recon
