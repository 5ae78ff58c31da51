#include "recon/solvers/stopwatch.h"

#include "recon/core/cuda_backend.h"

namespace recon {
namespace {

void wait_for(c10::Device device) {
  if (device.is_cuda()) cuda_backend().synchronize(device.index());
}

}  // namespace

Stopwatch::Stopwatch(c10::Device device, double& seconds) : device_(device), seconds_(&seconds) {
  wait_for(device_);
  start_ = std::chrono::steady_clock::now();
}

void Stopwatch::stop() {
  if (seconds_ == nullptr) return;
  wait_for(device_);
  *seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  seconds_ = nullptr;
}

}  // namespace recon
