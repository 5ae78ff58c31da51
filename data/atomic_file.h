#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace recon {

/// A file that appears at its place whole or not at all.
///
/// The bytes go to `temporary()` (PATH.tmp.PID, in the same folder); `commit()` syncs it to the disk, renames it over
/// PATH and syncs the folder, so that after a crash or a full disk PATH holds either its old or its new content.
/// Without commit() the destructor removes the temporary file.
///
/// Errors (kind data) name the path and the system's reason: folder missing, not writable, disk full.
class AtomicFile {
 public:
  /// Checks at once that the folder can be written to, before hours of computing. Missing folders are an error.
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::string& path() const { return path_; }
  const std::string& temporary() const { return temporary_; }
  void commit();

 private:
  std::string path_, temporary_;
  bool committed_ = false;
};

/// Before hours of computing: throws Error(data) where `path` cannot be written, and Error(usage) where it exists and
/// is not to be replaced.
void require_writable(const std::string& path, bool overwrite);

/// Writes all of `bytes` to `path` through an AtomicFile.
void write_file_atomically(const std::string& path, std::string_view bytes);

/// The whole file. Throws Error(data) when it cannot be read, is larger than `max_bytes` or a Git LFS pointer.
std::string read_whole_file(const std::string& path, std::int64_t max_bytes);

}  // namespace recon
