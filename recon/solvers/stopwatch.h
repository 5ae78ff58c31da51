#pragma once

#include <c10/core/Device.h>

#include <chrono>

namespace recon {

/// Adds the wall-clock time of a scope to a sum. On a GPU it waits for the stream at both ends, so that the time of the
/// kernels is charged to who launched them.
class Stopwatch {
 public:
  Stopwatch(c10::Device device, double& seconds);
  ~Stopwatch() { stop(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  void stop();

 private:
  c10::Device device_;
  double* seconds_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace recon
