#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "recon/core/tensor_spec.h"

namespace recon {

/// Throws Error(usage) naming `location` unless `image` is [C, H, W].
void require_image(const TensorSpec& image, const std::string& location);
/// The same unless it is [C, H, W] or a volume [C, D, H, W].
void require_image_or_volume(const TensorSpec& image, const std::string& location);

/// A user's mask [H, W], [1, H, W] or [C, H, W] of zeros and ones as float64 [1 or C, H, W]; of volumes [D, H, W] or
/// [1 or C, D, H, W] likewise. Throws Error(usage) naming `location` for another shape, other values or a mask without
/// a single one.
at::Tensor checked_mask(const at::Tensor& array, const TensorSpec& image, const std::string& location);

/// 0..count-1 in random order, a pure function of (seed, stream).
std::vector<std::int64_t> random_order(std::int64_t count, std::int64_t seed, const std::string& stream);

}  // namespace recon
