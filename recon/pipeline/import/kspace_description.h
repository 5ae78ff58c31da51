#pragma once

#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>

#include "data/kspace_set.h"

namespace recon {

/// Which positions of k-space [N, coils, H, W] are sampled, in any coil: bool [N, H, W].
at::Tensor sampled_positions_of(const at::Tensor& kspace);

/// What `recon inspect` says of a raw data file.
nlohmann::ordered_json describe_kspace(const KspaceSet& set);

}  // namespace recon
