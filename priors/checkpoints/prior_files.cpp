#include "priors/checkpoints/prior_files.h"

#include "recon/core/error.h"

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
  const auto card = existing(folder / "prior.yaml");
  if (!config && !card) {
    throw data_error(folder.string(),
                     "expected a diffusers model (unet/config.json or config.json), or a prior.yaml with an "
                     "`architecture` beside the weights; neither is there");
  }
  return {.folder = folder,
          .network_config = config,
          .weights_folder = config ? config->parent_path() : folder,
          .scheduler_config = first_existing(folder, {"scheduler/scheduler_config.json", "scheduler_config.json"}),
          .card = card,
          .index = existing(folder / "model_index.json")};
}

}  // namespace recon
