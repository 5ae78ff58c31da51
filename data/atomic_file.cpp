#include "data/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "recon/core/error.h"
#include "recon/core/lfs_pointer.h"

namespace recon {
namespace {

/// The error of a failed system call, by errno.
Error system_failure(const std::string& path, const char* action) {
  const int number = errno;
  const char* advice = number == ENOSPC || number == EDQUOT || number == EFBIG ? "free some space or write elsewhere"
                       : number == ENOENT                                      ? "create the folder first"
                                          : "write elsewhere or correct the rights";
  return data_error(path, "cannot {}: {}; {}", action, std::strerror(number), advice);
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string folder_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

AtomicFile::AtomicFile(std::string path)
    : path_(std::move(path)), temporary_(path_ + ".tmp." + std::to_string(::getpid())) {
  if (std::filesystem::is_directory(path_))
    throw data_error(path_, "expected a file name, this is a folder; add a name");
  const Descriptor file(temporary_, O_WRONLY | O_CREAT | O_TRUNC);
  if (file.get() < 0) throw system_failure(path_, "write here");
}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::commit() {
  const Descriptor file(temporary_, O_RDONLY);
  if (file.get() < 0 || ::fsync(file.get()) != 0) throw system_failure(path_, "save the file");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw system_failure(path_, "move the file to its place");
  committed_ = true;
  // The rename itself must survive a crash. Some file systems cannot sync a folder; the file is whole all the same.
  const Descriptor folder(folder_of(path_), O_RDONLY | O_DIRECTORY);
  if (folder.get() >= 0 && ::fsync(folder.get()) != 0 && errno != EINVAL && errno != EROFS) {
    throw system_failure(path_, "save the folder");
  }
}

void require_writable(const std::string& path, bool overwrite) {
  const AtomicFile writable(path);
  if (!overwrite && std::filesystem::exists(path)) {
    throw usage_error(path, "the file is there already; choose another name, or replace it with --force");
  }
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  AtomicFile file(path);
  {
    const Descriptor out(file.temporary(), O_WRONLY | O_TRUNC);
    if (out.get() < 0) throw system_failure(path, "write the file");
    while (!bytes.empty()) {
      const ssize_t written = ::write(out.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) throw system_failure(path, "write the file");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  file.commit();
}

std::string read_whole_file(const std::string& path, std::int64_t max_bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) throw data_error(path, "cannot read the file: {}; check the path", error.message());
  if (size > static_cast<std::uintmax_t>(max_bytes)) {
    throw data_error(path, "expected at most {} bytes, the file has {}; is it the right one?", max_bytes, size);
  }
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (!stream.read(bytes.data(), static_cast<std::streamsize>(size))) {
    throw data_error(path, "cannot read {} bytes; check the permissions", size);
  }
  refuse_lfs_pointer(bytes, path);
  return bytes;
}

}  // namespace recon
