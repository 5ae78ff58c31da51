#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace recon {

/// The flags of a batch as a boolean tensor `[batch, 1, ...]` that selects entries of `like`, on its device.
at::Tensor entry_mask(const std::vector<bool>& flags, const at::Tensor& like);

}  // namespace recon
