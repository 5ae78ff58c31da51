#include "priors/checkpoints/prior_files.h"

#include <algorithm>

#include "priors/checkpoints/checkpoint.h"
#include "priors/checkpoints/mapped_file.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> existing(const fs::path& path) {
  return fs::is_regular_file(path) ? std::optional(path) : std::nullopt;
}

std::optional<fs::path> first_existing(const fs::path& folder, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto found = existing(folder / name)) return found;
  }
  return std::nullopt;
}

}  // namespace

PriorFiles locate_prior_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw data_error(folder.string(), "expected the folder of a prior, got {}",
                     fs::exists(folder) ? "a file" : "nothing: it does not exist");
  }
  const auto config = first_existing(folder, {"unet/config.json", "config.json"});
  if (!config) {
    throw data_error(folder.string(), "expected a diffusers model: unet/config.json or config.json; neither is there");
  }
  return {.folder = folder,
          .network_config = *config,
          .weights_folder = config->parent_path(),
          .scheduler_config = first_existing(folder, {"scheduler/scheduler_config.json", "scheduler_config.json"}),
          .card = existing(folder / "prior.yaml"),
          .index = existing(folder / "model_index.json")};
}

std::string hash_prior_files(const PriorFiles& files) {
  std::vector<fs::path> paths{files.network_config};
  for (const auto& path : {files.scheduler_config, files.card, files.index}) {
    if (path) paths.push_back(*path);
  }
  const Checkpoint checkpoint = Checkpoint::open(files.weights_folder);
  for (const auto& file : checkpoint.files()) paths.emplace_back(file.path());
  std::sort(paths.begin(), paths.end());
  std::string digests;
  for (const auto& path : paths) {
    digests += fmt::format("{} {:016x}\n", fs::relative(path, files.folder).generic_string(),
                           stable_hash(MappedFile(path).bytes()));
  }
  return fmt::format("fnv1a64:{:016x}", stable_hash(digests));
}

}  // namespace recon
