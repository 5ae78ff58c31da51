#pragma once

#include <c10/core/Device.h>

namespace recon {

/// Peak memory since construction: on a GPU that of ATen's allocator; on the CPU the resident set of the process
/// (Linux VmHWM, reset through /proc/self/clear_refs; where that is refused, the peak since the process began).
class PeakMemory {
 public:
  explicit PeakMemory(c10::Device device);
  double mib() const;

 private:
  c10::Device device_;
};

}  // namespace recon
