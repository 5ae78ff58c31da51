#pragma once

#include <ATen/core/Tensor.h>

namespace recon {

/// Whether no entry, no real and no imaginary part, is NaN or infinite.
bool all_finite(const at::Tensor& tensor);

}  // namespace recon
