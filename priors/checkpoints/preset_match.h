#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace recon {

/// A published model whose tensors a file of weights has, all of them and no other.
struct PresetMatch {
  std::string preset;  ///< presets.h
  std::string card;    ///< the lines of a prior.yaml that reads the file
};

/// The presets that fit a file of weights, or a folder with one: names and shapes of the tensors, nothing is loaded.
/// Several, where models differ only in what their numbers mean (`recon inspect --check` tells those apart). Empty
/// where none fits. Throws Error(data) for a file that is damaged.
std::vector<PresetMatch> matching_presets(const std::filesystem::path& path);

}  // namespace recon
