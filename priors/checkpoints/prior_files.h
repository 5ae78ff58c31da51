#pragma once

#include <filesystem>
#include <optional>

namespace recon {

/// Where the parts of a prior lie in its folder. Two layouts of diffusers are taken: the pipeline's
/// (`unet/config.json`, `unet/*.safetensors`, `scheduler/scheduler_config.json`) and the flat one (all in the folder
/// itself); and a prior.yaml with an `architecture`, with the weights beside it.
struct PriorFiles {
  std::filesystem::path folder;
  std::optional<std::filesystem::path> network_config;  ///< config.json of diffusers; without it there is a card
  std::filesystem::path weights_folder;
  std::optional<std::filesystem::path> scheduler_config;
  std::optional<std::filesystem::path> card;   ///< prior.yaml
  std::optional<std::filesystem::path> index;  ///< model_index.json
};

/// Throws Error(data) when the folder is missing, or both the network's config and the card.
PriorFiles locate_prior_files(const std::filesystem::path& folder);

}  // namespace recon
