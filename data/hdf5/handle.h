#pragma once

#include <hdf5.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"
#include "recon/core/error.h"

// Private to data/hdf5: owned identifiers, the lock and the error stack.
namespace recon::hdf5 {

/// Held during every call of HDF5: its usual build is not thread-safe. Recursive, because destructors take it too.
/// Also keeps HDF5 from printing and empties its error stack.
class Lock {
 public:
  Lock();

 private:
  std::unique_lock<std::recursive_mutex> guard_;
};

class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle(hid_t id, Close closer) : id_(id), close_(closer) {}
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t get() const { return id_; }
  /// Closes now and says whether that worked.
  bool close();

 private:
  hid_t id_;
  Close close_;
};

struct FileState {
  std::string path;
  ReadLimits limits;
  std::int64_t bytes = 0;  ///< size of the file when it was opened for reading
  std::unique_ptr<Handle> id;
  /// A child process has gone through the file (see isolated.h); these are its variable-length texts by place.
  bool visited = false;
  mutable std::map<std::string, std::vector<std::string>> texts;
};

/// Error(data) "cannot ACTION (REASONS)": the reasons are the innermost and the outermost line of the error stack.
[[nodiscard]] Error failure(const std::string& location, const std::string& action, const char* advice);

/// `id`, or failure() if it is negative.
hid_t checked(hid_t id, const std::string& location, const char* action, const char* advice);

/// Advice in failures of reading and of writing.
inline constexpr const char* damaged = "the file may be damaged or truncated; fetch or make it again";
inline constexpr const char* disk = "check the free space and permissions of the disk";

}  // namespace recon::hdf5
