#pragma once

#include "priors/networks/monai_config.h"
#include "priors/networks/unet2d.h"

namespace recon {

/// MONAI's `DiffusionModelUNet` in two dimensions: the U-Net of diffusers, whose parameters have other names there.
class MonaiUNet final : public UNet2D {
 public:
  /// `config` complete(). The list of parameters has the names of diffusers.
  MonaiUNet(const MonaiConfig& config, ParameterSource& source);

 private:
  class Renamed;
  MonaiUNet(const MonaiConfig& config, Renamed&& source);
};

}  // namespace recon
