#include "recon/config/version.h"

#include <fmt/format.h>
#include <torch/version.h>

#include "recon/config/git_revision.h"  // made by the build
#include "recon/core/plugin_loader.h"

namespace recon {

std::map<std::string, std::string> versions() {
  std::map<std::string, std::string> all = {{"recon", program_version},
                                            {"git", git_revision},
                                            {"libtorch", TORCH_VERSION},
                                            {"hdf5", RECON_HDF5_VERSION},
                                            {"compiler", fmt::format("g++ {}", __VERSION__)}};
  for (const auto& plugin : loaded_plugins()) all["plugin " + plugin.name] = plugin.version;
  return all;
}

std::string version_text() {
  std::string libraries;
  for (const auto& [name, version] : versions()) {
    if (name != "recon") libraries += (libraries.empty() ? "" : ", ") + name + " " + version;
  }
  return fmt::format("recon {} ({})", program_version, libraries);
}

}  // namespace recon
