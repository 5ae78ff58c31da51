#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "priors/network_prior.h"

namespace recon {

/// Folders in which priors are looked up by name, in this order: those of the environment variable RECON_PRIORS
/// (separated by colons), then `priors` in each of recon's own folders (recon/core/resources.h).
std::vector<std::string> prior_search_folders();

/// Names of the priors there are in those folders.
std::vector<std::string> embedded_priors();

/// A path needs a '/'; a text without one is a name.
bool is_prior_path(const std::string& path_or_name);

/// The folder meant by a path to a folder or by one of those names. Throws Error(usage)
/// listing the known names.
std::string find_prior(const std::string& path_or_name);

/// Loads a prior with its network on the CPU; the network computes in that precision. What its card omits is read from
/// the diffusers files:
///
/// - prediction, schedule: those of the scheduler's config
/// - value_range: ±clip_sample_range of the scheduler; else that of the pipeline in model_index.json: [-1, 1] for DDPM
///   and DDIM, [0, 1] for ScoreSdeVe
/// - size: sample_size of the network; any size when that is null
/// - time_input: edm_noise for prediction edm, relative_sigma with a ScoreSdeVe scheduler, otherwise timestep; networks
///   with a Fourier embedding must say which noise level it is
///
/// `memory` in bytes: what the process may take, see BoundedNetwork; 0: no limit.
/// Throws Error(data) naming the file and the key to add to prior.yaml when something cannot be known.
PriorPtr load_prior(const std::string& path_or_name, Precision precision = Precision::float32, std::int64_t memory = 0);

/// What is in a prior's folder, for people and for `recon inspect`. inspect_prior() throws what load_prior() throws.
struct PriorSummary {
  std::string folder;
  NetworkPriorDescription description;
  std::int64_t parameters = 0;
  std::string weight_types;  ///< "F16" or "F16, F32"
  std::vector<std::string> weight_files;
  std::string card_description, training_data, licence, attribution;
};
PriorSummary inspect_prior(const std::string& path_or_name);

}  // namespace recon
