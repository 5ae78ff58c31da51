#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <string>

#include "recon/core/progress.h"

namespace recon {

/// What the caller of a reconstruction or a comparison decides and listens to.
struct RunControls {
  c10::Device device = c10::Device(c10::kCPU);
  std::uint64_t seed = 0;
  const CancellationToken* cancellation = nullptr;
  std::function<void(const std::string& label)> on_begin;  ///< before each solve: "item 3: dps"
  ProgressObserver on_step;
  std::function<void()> on_end;  ///< after each solve, before its warnings are logged
};

}  // namespace recon
