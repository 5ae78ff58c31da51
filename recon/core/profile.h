#pragma once

#include <string>

namespace recon {

/// Where the time of this thread goes, as a trace: ATen's operators with begin and duration, and, on a GPU, its
/// kernels, copies and the waits of its driver (PyTorch's profiler). A file in the format of Chrome's trace viewer,
/// JSON, for ui.perfetto.dev: some 200 bytes an operator, all of it in memory until it is written. One at a time.
class Profile {
 public:
  /// Begins. Throws Error(usage) where `path` cannot be written. `device` as of the command line: "cpu" leaves out the
  /// GPU.
  Profile(std::string path, const std::string& device);
  /// Ends without a file where write() was not called.
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Ends, and writes the file, in place of one that is there. Throws Error(data) where that fails.
  void write();

 private:
  std::string path_;
  bool running_ = false;
};

}  // namespace recon
