#pragma once

#include <string>
#include <string_view>

namespace recon {

/// Throws Error(data) naming `path` when the file that begins with `bytes` is a Git LFS pointer: three lines of text in
/// place of a large file, where a repository was cloned without Git LFS or a hub's page was downloaded
/// (github.com/git-lfs/git-lfs, docs/spec.md).
void refuse_lfs_pointer(std::string_view bytes, const std::string& path);

}  // namespace recon
