#pragma once

#include <map>
#include <string>

namespace recon {

/// What `recon --version` says and files record.
inline constexpr const char* program_version = "0.1.0";

/// Name -> version of the program and of the libraries that its numbers depend on; stored in every result.
std::map<std::string, std::string> versions();

/// "recon 0.1.0 (hdf5 1.10.8, libtorch 2.11.0, ...)".
std::string version_text();

}  // namespace recon
