#pragma once

#include <filesystem>
#include <string>

#include "priors/network_prior.h"
#include "priors/networks/unet2d.h"

namespace recon {

/// What a prior's card says in words.
struct PriorTexts {
  std::string description, training_data, licence;
  std::string attribution = {};  ///< who made the training data, or the file beside the card that says so
};

/// Writes a prior as a folder that load_prior() reads back to the same, and that diffusers opens:
///
///     unet/config.json, unet/diffusion_pytorch_model.safetensors     UNet2DModel
///     scheduler/scheduler_config.json, model_index.json              DDPMPipeline; only where DDPMScheduler knows the
///                                                                    process and the prediction (tables; epsilon, x0,
///                                                                    v); no index where the network takes more than
///                                                                    the image: that pipeline could not run it
///     prior.yaml                                                     all of `description`
///
/// `weight_type` is kFloat or kHalf. Files that are there are replaced, each atomically. Throws Error(data) naming the
/// file that cannot be written.
void write_prior(const std::filesystem::path& folder, const NetworkPriorDescription& description, const UNet2D& network,
                 const PriorTexts& texts, at::ScalarType weight_type);

}  // namespace recon
