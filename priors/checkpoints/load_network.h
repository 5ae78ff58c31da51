#pragma once

#include <memory>

#include "priors/checkpoints/prior_files.h"
#include "priors/networks/network.h"

namespace recon {

/// Builds the network of a prior folder with its weights, on the CPU in float32. Throws Error(data) naming the file,
/// and the key or tensor, for a config that is not supported and for weights that do not fit it.
std::shared_ptr<const Network> load_network(const PriorFiles& files);

}  // namespace recon
