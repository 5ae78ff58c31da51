#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "priors/networks/time_features.h"
#include "priors/networks/unet2d_config.h"
#include "recon/core/parameters.h"

namespace recon {

/// The shape of a new U-Net, for people; UNet2DConfig has every detail of the diffusers class.
struct NetworkOptions {
  std::vector<std::int64_t> channels = {64, 128, 128};
  std::int64_t layers = 1;
  std::vector<std::int64_t> attention;
  bool mid_attention = true;
  std::int64_t head_channels = 32;
  std::int64_t groups = 32;
  TimeFeatures time_embedding = TimeFeatures::positional;
  bool scale_shift = false;

  void visit(ParameterVisitor& v);

  /// `in` network channels (image channels times space_to_depth²). Throws Error(usage) at `location` for numbers that
  /// do not fit each other.
  UNet2DConfig config(std::int64_t in, const std::string& location) const;
};

}  // namespace recon
