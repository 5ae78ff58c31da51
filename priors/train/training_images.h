#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace recon {

/// Clean images by index, float32 `[C, H, W]` in the prior's value range `low` to `high`; sizes may differ when they are
/// cropped.
struct TrainingImages {
  std::int64_t count = 0;
  std::function<at::Tensor(std::int64_t index)> image;
  double low = -1, high = 1;  ///< black and white, which `contrast` and `shading` keep
};

}  // namespace recon
