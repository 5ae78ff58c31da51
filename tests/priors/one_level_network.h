#pragma once

#include <cstdint>
#include <memory>

#include "priors/networks/unet2d.h"
#include "priors/train/network_options.h"
#include "priors/train/parameter_initializer.h"

namespace recon::test {

/// A U-Net of one level without attention: trained in seconds.
inline NetworkOptions one_level(std::int64_t width, std::int64_t groups) {
  NetworkOptions options;
  options.channels = {width};
  options.groups = groups;
  options.mid_attention = false;
  return options;
}

/// Such a network for images of `channels`, which sees `more` channels beside them; as it is before any training.
inline std::shared_ptr<const UNet2D> one_level_network(const NetworkOptions& options, std::int64_t channels,
                                                       std::int64_t more, std::uint64_t seed) {
  ParameterInitializer source(seed);
  UNet2DConfig config = options.config(channels, "");
  config.in_channels += more;
  return std::make_shared<const UNet2D>(config, source);
}

}  // namespace recon::test
