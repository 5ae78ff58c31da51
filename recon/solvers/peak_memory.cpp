#include "recon/solvers/peak_memory.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

#include "recon/core/device.h"

namespace recon {

PeakMemory::PeakMemory(c10::Device device) : device_(device) {
  if (!device_.is_cpu()) {
    device_backend(device_).reset_peak(device_.index());
  } else {
    std::ofstream("/proc/self/clear_refs") << "5";  // proc(5): resets VmHWM to the current resident set
  }
}

double PeakMemory::mib() const {
  constexpr double kib_per_mib = 1024;
  if (!device_.is_cpu())
    return static_cast<double>(device_backend(device_).peak_bytes(device_.index())) / kib_per_mib / kib_per_mib;
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib / kib_per_mib;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / kib_per_mib;
}

}  // namespace recon
