#include "recon/core/resources.h"

#include <dlfcn.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "recon/core/error.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

/// The file that holds this code: the program, or a shared library.
fs::path own_binary() {
  Dl_info found = {};
  if (dladdr(reinterpret_cast<const void*>(&resource_folders), &found) == 0 || found.dli_fname == nullptr) return {};
  std::error_code failure;
  return fs::canonical(found.dli_fname, failure);
}

void add_folders_beside(const fs::path& binary, std::vector<fs::path>& folders) {
  if (binary.empty()) return;
  const fs::path folder = binary.parent_path();
  for (const fs::path& prefix : {folder.parent_path(), folder.parent_path().parent_path()}) {
    const fs::path candidate = prefix / "share" / "recon";
    if (std::find(folders.begin(), folders.end(), candidate) == folders.end()) folders.push_back(candidate);
  }
}

}  // namespace

std::vector<std::string> split_path_list(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t colon = std::min(list.find(':', start), list.size());
    if (colon > start) parts.push_back(list.substr(start, colon - start));
    start = colon + 1;
  }
  return parts;
}

std::vector<fs::path> resource_folders() {
  std::vector<fs::path> folders;
  if (const char* listed = std::getenv("RECON_DATA")) {
    for (const auto& folder : split_path_list(listed)) folders.emplace_back(folder);
  }
  std::error_code ignored;  // no /proc: no such folder
  add_folders_beside(fs::read_symlink("/proc/self/exe", ignored), folders);
  add_folders_beside(own_binary(), folders);
  return folders;
}

fs::path resource(const std::string& name) {
  std::vector<std::string> looked_at;
  for (const auto& folder : resource_folders()) {
    const fs::path candidate = folder / name;
    std::error_code ignored;
    if (fs::exists(candidate, ignored)) return candidate;
    looked_at.push_back(candidate.string());
  }
  throw usage_error(
      "'" + name + "'",
      "one of recon's own files, not found; looked for {}. Set RECON_DATA to the folder share/recon of an "
      "installation",
      fmt::join(looked_at, ", "));
}

}  // namespace recon
