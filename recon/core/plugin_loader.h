#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace recon {

/// A plug-in that is in the program.
struct LoadedPlugin {
  std::string name, version, path;
};

/// Loads a shared library made by RECON_PLUGIN (recon/core/plugin.h) and lets it add its kinds to the registries. To be
/// called before these are looked at on another thread. A file that is loaded already is not loaded again.
///
/// Throws Error(usage) naming the file: it does not exist, is no shared library, lacks symbols of this program or of
/// LibTorch, is no plug-in, was made for other headers, or adds a kind that exists.
void load_plugin(const std::filesystem::path& path);

/// All that are loaded, in the order of loading.
const std::vector<LoadedPlugin>& loaded_plugins();

}  // namespace recon
