#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace recon {

/// The bytes of a regular file, mapped read-only into memory, so that opening a checkpoint of gigabytes costs nothing
/// and only what is looked at is read.
///
/// Throws Error(data) naming the file when it is missing, unreadable, empty, not a regular file or a Git LFS
/// pointer.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace recon
