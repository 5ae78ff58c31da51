#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "recon/config/yaml_node.h"
#include "recon/core/noise.h"

namespace recon {

/// A config's operator with numbers in the place of those that it leaves to the data: `std_px: estimate` of a blur
/// (operators/blur/blur_estimation.h). The node itself where it leaves none. What is found is logged for `path`.
///
/// `measurement` gives one of `count` `[C, H, W]`; the first 16 are asked for, and only then. `noise` is theirs:
/// Gaussian and photon noise count as white, a level that is not stated is found with the kernel. Throws Error(usage)
/// with the value's place for operators and options that cannot be estimated, Error(data) at `path` where the data do
/// not say.
YamlNodePtr with_estimates(const YamlNodePtr& op, std::int64_t count,
                           const std::function<at::Tensor(std::int64_t index)>& measurement, const Noise& noise,
                           const std::string& path);

}  // namespace recon
