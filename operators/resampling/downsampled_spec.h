#pragma once

#include <algorithm>

#include "operators/masks.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// [C, H/f, W/f]. Throws Error(usage) unless the image is a real [C, H, W] whose sides are multiples of f.
inline TensorSpec downsampled_spec(const TensorSpec& image, std::int64_t factor) {
  require_image(image, "super_resolution");
  if (image.scalar != ScalarKind::real) {
    throw usage_error("super_resolution",
                      "expected a real image [channels, height, width], got {}; for a complex one "
                      "reconstruct its parts as two channels",
                      image.to_string());
  }
  const std::int64_t height = image.shape[1];
  const std::int64_t width = image.shape[2];
  if (factor > height || factor > width) {
    throw usage_error("super_resolution", "factor {} is larger than the {} x {} image; choose one up to {}", factor,
                      height, width, std::min(height, width));
  }
  if (factor < 1 || height % factor != 0 || width % factor != 0) {
    throw usage_error("super_resolution", "the {} x {} image cannot be divided by factor {}; crop it to {} x {}",
                      height, width, factor, factor < 1 ? 0 : height / factor * factor,
                      factor < 1 ? 0 : width / factor * factor);
  }
  return {{image.shape[0], height / factor, width / factor}, ScalarKind::real};
}

}  // namespace recon
