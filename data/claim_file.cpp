#include "data/claim_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "recon/core/error.h"

namespace recon {
namespace {

struct flock lock_of(short kind, std::int64_t number) {
  struct flock lock {};
  lock.l_type = kind;
  lock.l_whence = SEEK_SET;
  lock.l_start = number;
  lock.l_len = 1;
  return lock;
}

/// Whether another process, a child, is refused the lock on that byte, which this one holds.
bool others_are_refused(int fd, std::int64_t number) {
  const pid_t child = ::fork();
  if (child == 0) {  // only calls that are safe in the child of a program with threads
    struct flock lock = lock_of(F_WRLCK, number);
    ::_exit(::fcntl(fd, F_SETLK, &lock) == 0 ? 1 : 0);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return child < 0 || !WIFEXITED(status) ||
         WEXITSTATUS(status) == 0;  // where it cannot be tried, locks are believed in
}

}  // namespace

ClaimFile::ClaimFile(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (fd_ < 0)
    throw data_error(path_, "cannot write here: {}; write elsewhere or correct the rights", std::strerror(errno));
  why_no_locks_ = probe();
}

ClaimFile::~ClaimFile() { ::close(fd_); }

std::string ClaimFile::probe() const {
  // A byte of its own for each process, so that those who try at once do not meet.
  const std::int64_t number = std::numeric_limits<std::int64_t>::max() / 2 + ::getpid();
  struct flock lock = lock_of(F_WRLCK, number);
  while (::fcntl(fd_, F_SETLK, &lock) != 0) {
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EACCES ? "" : std::strerror(errno);
  }
  const bool refused = others_are_refused(fd_, number);
  lock.l_type = F_UNLCK;
  ::fcntl(fd_, F_SETLK, &lock);
  return refused ? "" : "two processes are given the same lock";
}

bool ClaimFile::set(short kind, std::int64_t number, bool wait) {
  if (!why_no_locks_.empty()) return true;
  struct flock lock = lock_of(kind, number);
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
