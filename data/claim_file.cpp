#include "data/claim_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "recon/core/error.h"

namespace recon {

ClaimFile::ClaimFile(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (fd_ < 0)
    throw data_error(path_, "cannot write here: {}; write elsewhere or correct the rights", std::strerror(errno));
}

ClaimFile::~ClaimFile() { ::close(fd_); }

bool ClaimFile::set(short kind, std::int64_t number, bool wait) {
  struct flock lock {};
  lock.l_type = kind;
  lock.l_whence = SEEK_SET;
  lock.l_start = number;
  lock.l_len = 1;
  while (::fcntl(fd_, wait ? F_SETLKW : F_SETLK, &lock) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) return false;
    throw data_error(path_, "cannot lock it: {}; write to a file system that has locks", std::strerror(errno));
  }
  return true;
}

bool ClaimFile::try_claim(std::int64_t number) { return set(F_WRLCK, number, false); }
bool ClaimFile::try_share(std::int64_t number) { return set(F_RDLCK, number, false); }
void ClaimFile::wait_and_claim(std::int64_t number) { set(F_WRLCK, number, true); }
void ClaimFile::release(std::int64_t number) { set(F_UNLCK, number, false); }

bool ClaimFile::is_in_place() const {
  struct stat mine {
  }, there{};
  return ::fstat(fd_, &mine) == 0 && ::stat(path_.c_str(), &there) == 0 && mine.st_ino == there.st_ino &&
         mine.st_dev == there.st_dev;
}

}  // namespace recon
