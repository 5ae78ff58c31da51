#pragma once

#include <memory>
#include <variant>

#include "priors/checkpoints/checkpoint.h"
#include "priors/checkpoints/prior_card.h"
#include "priors/checkpoints/prior_files.h"
#include "priors/networks/network.h"
#include "priors/networks/unet2d_config.h"

namespace recon {

/// The options of a network of any architecture.
using NetworkConfig = std::variant<UNet2DConfig, AdmConfig, SongConfig, DhariwalConfig, TorchScriptConfig>;

/// What a prior is made of, but for the weights.
struct PriorSources {
  PriorFiles files;
  PriorCard card;  ///< empty but for its location where there is none
  NetworkConfig network;

  /// Throws Error(data) for a folder, card or config that is not as it should be.
  explicit PriorSources(const std::filesystem::path& folder);
  Checkpoint open_weights() const;  ///< not for TorchScript
};

/// What a network's options say about the prior.
struct NetworkFacts {
  std::int64_t in_channels = 0, size_multiple = 1;
  std::vector<std::int64_t> sample_size = {};  ///< {H, W} of training; empty: any
  bool learned_variance = false;               ///< as far as the options say
  bool conditioned_on_noise_level = false;     ///< its time input is a noise level, not a timestep; the card says which
};
NetworkFacts facts_of(const NetworkConfig& config);

/// Builds the network with its weights, on the CPU in float32. Throws Error(data) naming the file and the tensors for
/// weights that do not fit the options.
std::shared_ptr<const Network> load_network(const PriorSources& sources);

}  // namespace recon
