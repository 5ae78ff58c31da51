#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace recon {

/// What raw numbers are divided by so that the image range is [0, 1]: the 99.9 % quantile of the `magnitudes` [n] of
/// low-resolution images. Throws Error(data) naming `place` where that is 0.
double white_level(const at::Tensor& magnitudes, const std::string& place);

}  // namespace recon
