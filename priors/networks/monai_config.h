#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "priors/networks/network_kind.h"
#include "priors/networks/unet2d_config.h"
#include "recon/core/parameters.h"

namespace recon {

/// The names of parameters: those of MONAI's core, or of MONAI Generative before it went there.
enum class MonaiLayout { monai, generative };
constexpr auto words_of(MonaiLayout) {
  return std::to_array<Word<MonaiLayout>>({{MonaiLayout::monai, "monai"}, {MonaiLayout::generative, "generative"}});
}

/// The options of MONAI's `DiffusionModelUNet` under its names, with its defaults. In two dimensions and without
/// cross-attention. Options of one value per level may be lists of one number, which then holds for all.
struct MonaiConfig {
  std::int64_t spatial_dims = 2;
  std::int64_t in_channels = 1, out_channels = 1;
  std::vector<std::int64_t> num_res_blocks = {2};
  std::vector<std::int64_t> channels = {32, 64, 64, 64};  ///< per level, finest first
  std::vector<std::string> attention_levels = {"false", "false", "true", "true"};
  std::int64_t norm_num_groups = 32;
  double norm_eps = 1e-6;
  bool resblock_updown = false;
  std::vector<std::int64_t> num_head_channels = {8};
  ClassLabels classes = {};
  MonaiLayout layout = MonaiLayout::monai;

  void visit(ParameterVisitor& v);
  /// Throws Error(data) at `location` naming the key for numbers that do not fit each other, and for another number of
  /// blocks or channels of a head on one level than on another.
  void complete(const std::string& location) const;
  NetworkFacts facts() const {
    return {.in_channels = in_channels,
            .size_multiple = std::int64_t{1} << (channels.size() - 1),
            .learned_variance = out_channels == 2 * in_channels};
  }

  UNet2DConfig as_unet2d() const;  ///< which is the same network; complete() before
};

}  // namespace recon
