#include "priors/checkpoints/load_network.h"

#include <ATen/ATen.h>

#include "priors/checkpoints/checkpoint.h"
#include "priors/networks/unet2d.h"

namespace recon {

std::shared_ptr<const Network> load_network(const PriorFiles& files) {
  const UNet2DConfig config = read_unet2d_config(files.network_config);
  const Checkpoint checkpoint = Checkpoint::open(files.weights_folder);
  CheckpointParameters parameters(checkpoint);
  auto network = std::make_shared<const UNet2D>(config, parameters);
  parameters.require_complete();
  return network;
}

}  // namespace recon
