#pragma once

#include <string>
#include <vector>

namespace recon {

/// Whether a path is to be read as a pattern of the shell: it has *, ? or [ and is no file or folder itself.
bool is_file_pattern(const std::string& path);

/// The regular files that a pattern matches, sorted; empty where there is none. Throws Error(data) for folders that
/// cannot be read.
std::vector<std::string> files_matching(const std::string& pattern);

}  // namespace recon
