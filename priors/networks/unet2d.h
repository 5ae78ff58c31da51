#pragma once

#include <optional>
#include <vector>

#include "priors/networks/layered_network.h"
#include "priors/networks/time_embedding.h"
#include "priors/networks/unet2d_blocks.h"
#include "priors/networks/unet2d_config.h"

namespace recon {

/// The U-Net of DDPM (Ho et al. 2020, appendix B) in the generality and with the parameter names of diffusers'
/// `UNet2DModel`, so that its checkpoints load as they are and give the same output.
///
/// With Skip levels it is NCSN++ (Song et al. 2021, appendix H): the image enters every level on the way down
/// (unet2d_blocks.h), and each on the way up adds to the output. With Fourier time embedding the output is divided by
/// t, as there.
class UNet2D : public LayeredNetwork {
 public:
  UNet2D(const UNet2DConfig& config, ParameterSource& source);

  FeatureMap through(Execution& run, const FeatureMap& x, const at::Tensor& t) const override;
  std::int64_t in_channels() const override { return config_.in_channels; }
  std::int64_t out_channels() const override { return config_.out_channels; }
  std::int64_t size_multiple() const override { return config_.size_multiple(); }
  std::shared_ptr<const Network> to(c10::Device device) const override;

  const UNet2DConfig& config() const { return config_; }

 private:
  UNet2DConfig config_;
  std::optional<Conv2d> conv_in_;
  std::optional<TimeEmbedding> time_embedding_;
  at::Tensor class_embedding_;  ///< [classes, time_channels]
  std::vector<DownLevel> down_;
  std::optional<MidLevel> mid_;
  std::vector<UpLevel> up_;
  std::optional<GroupNorm> norm_out_;
  std::optional<Conv2d> conv_out_;
};

}  // namespace recon
