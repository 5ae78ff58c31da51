#include "recon/core/plugin_loader.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>

#include "recon/core/error.h"
#include "recon/core/plugin.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

std::vector<LoadedPlugin>& plugins() {
  static std::vector<LoadedPlugin> all;
  return all;
}

/// The library stays loaded to the end of the program: its kinds are in the registries.
const PluginInfo& open_plugin(const fs::path& file) {
  // All symbols at once: one that is missing is an error here, not a crash when it is first called.
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    throw usage_error(file.string(), "cannot be loaded as a plug-in ({}); rebuild it against the headers of {}",
                      reason == nullptr ? "unknown reason" : reason, plugin_stamp);
  }
  const auto* info = static_cast<const PluginInfo*>(dlsym(library, "recon_plugin"));
  if (info == nullptr) {
    throw usage_error(
        file.string(),
        "is a library, but no plug-in of recon: expected the symbol 'recon_plugin'; write RECON_PLUGIN(...) "
        "of recon/core/plugin.h into it");
  }
  if (info->made_for == nullptr || std::strcmp(info->made_for, plugin_stamp) != 0) {
    throw usage_error(file.string(), "was made for {}, this program is {}; rebuild it against this program's headers",
                      info->made_for == nullptr ? "an unknown recon" : info->made_for, plugin_stamp);
  }
  return *info;
}

}  // namespace

void load_plugin(const fs::path& path) {
  std::error_code failure;
  const fs::path file = fs::canonical(path, failure);
  if (failure || !fs::is_regular_file(file, failure)) throw usage_error(path.string(), "plug-in: no such file");
  const auto same = [&](const LoadedPlugin& plugin) { return plugin.path == file.string(); };
  if (std::any_of(plugins().begin(), plugins().end(), same)) return;
  const PluginInfo& info = open_plugin(file);
  try {
    info.add_kinds();
  } catch (const Error& error) {
    throw usage_error(file.string(), "plug-in '{}' cannot add its kinds: {}", info.name, error.what());
  }
  plugins().push_back({.name = info.name, .version = info.version, .path = file.string()});
}

const std::vector<LoadedPlugin>& loaded_plugins() { return plugins(); }

}  // namespace recon
