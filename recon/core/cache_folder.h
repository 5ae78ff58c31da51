#pragma once

#include <filesystem>

namespace recon {

/// The folder for what this machine need not find out twice: $RECON_CACHE, else $XDG_CACHE_HOME/recon, else
/// ~/.cache/recon. Empty where none of the three is set. It need not exist, and may be removed at any time.
std::filesystem::path cache_folder();

}  // namespace recon
