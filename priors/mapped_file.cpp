#include "priors/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "recon/core/error.h"
#include "recon/core/lfs_pointer.h"

namespace recon {

MappedFile::MappedFile(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a named pipe by mistake must give an error, not wait for a writer.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) throw data_error(path.string(), "cannot be opened: {}", std::strerror(errno));
  struct stat status {};
  const bool regular = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  if (!regular || status.st_size == 0) {
    close(file);
    throw data_error(path.string(), "expected a file with content, got {}",
                     regular ? "an empty one" : "something else");
  }
  size_ = static_cast<std::size_t>(status.st_size);
  void* const mapped = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
  const int reason = errno;
  close(file);
  if (mapped == MAP_FAILED) throw data_error(path.string(), "cannot be mapped into memory: {}", std::strerror(reason));
  data_ = static_cast<const char*>(mapped);
  try {
    refuse_lfs_pointer(bytes(), path.string());
  } catch (...) {
    munmap(mapped, size_);  // a constructor that throws has no destructor
    throw;
  }
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

}  // namespace recon
