#pragma once

#include <filesystem>
#include <memory>

#include "priors/checkpoints/checkpoint.h"
#include "priors/checkpoints/prior_card.h"
#include "priors/checkpoints/prior_files.h"
#include "priors/networks/network.h"

namespace recon {

/// What a prior is made of, but for the weights.
struct PriorSources {
  PriorFiles files;
  PriorCard card;  ///< empty but for its location where there is none
  ChosenNetwork network;

  /// Throws Error(data) for a folder, card or config that is not as it should be.
  explicit PriorSources(const std::filesystem::path& folder);
  Checkpoint open_weights() const;  ///< not for programs
};

/// Builds the network with its weights, on the CPU in float32. Throws Error(data) naming the file and the tensors for
/// weights that do not fit the options.
std::shared_ptr<const Network> load_network(const PriorSources& sources);

}  // namespace recon
