#pragma once

#include <cstdint>
#include <string>

namespace recon {

/// Claims on numbers among processes that share a file system, without a server: each number is a byte of the file,
/// locked by POSIX record locks (fcntl, F_SETLK).
///
/// A claim ends with the process that holds it, however it dies, so that nothing has to be cleaned up, and works over
/// NFS (with its lock service). Not every file system has locks (object stores, some mounts of NFS and Lustre): that is
/// found out at the start by trying; claims then all succeed and exclude nobody. Record locks belong to the process:
/// two threads of one process do not exclude each other, and no other part of the process may open and close the same
/// file. A forked child holds none of them.
class ClaimFile {
 public:
  /// Makes the file if there is none and tries a lock. Error(data) naming the path.
  explicit ClaimFile(const std::string& path);
  ~ClaimFile();
  ClaimFile(const ClaimFile&) = delete;
  ClaimFile& operator=(const ClaimFile&) = delete;

  /// Why claims exclude nobody here; empty where they do. Locks that hold on one machine only cannot be told from
  /// others.
  const std::string& why_no_locks() const { return why_no_locks_; }

  bool try_claim(std::int64_t number);  ///< for itself alone; true when it is held now
  bool try_share(std::int64_t number);  ///< together with others who share; may turn a claim into a share
  void wait_and_claim(std::int64_t number);
  void release(std::int64_t number);
  /// False when the file was removed or replaced since: claims on it then exclude nobody who came later.
  bool is_in_place() const;

 private:
  bool set(short kind, std::int64_t number, bool wait);
  std::string probe() const;

  std::string path_;
  int fd_ = -1;
  std::string why_no_locks_;
};

}  // namespace recon
