#include "recon/core/cache_folder.h"

#include <cstdlib>

namespace recon {
namespace {

std::filesystem::path folder_in(const char* variable) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? std::filesystem::path() : std::filesystem::path(value);
}

}  // namespace

std::filesystem::path cache_folder() {
  if (const auto own = folder_in("RECON_CACHE"); !own.empty()) return own;
  if (const auto shared = folder_in("XDG_CACHE_HOME"); !shared.empty()) return shared / "recon";
  const auto home = folder_in("HOME");
  return home.empty() ? home : home / ".cache" / "recon";
}

}  // namespace recon
