#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "recon/core/noise.h"
#include "recon/core/parameters.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// The section `noise` of a config, in the units of the images or of the stored numbers.
struct NoiseSection {
  std::optional<Noise> noise;  ///< nothing when there is no such section; what it leaves out is of default_noise()
  at::Tensor background;       ///< what is measured of a black image: a number [] or an array; undefined: nothing
  at::Tensor std_map;          ///< gaussian: of single entries, as stated; undefined: noise->std holds for all
};
NoiseSection read_noise(ParameterVisitor& config, const char* doc);

/// Gaussian noise of std 0.05: what `recon simulate` adds when nothing is said.
Noise default_noise();

/// A stated map, shaped as a measurement, or as `count` of them, as [range...] or [count, range...] float32. Throws
/// Error(usage) at `location` for other shapes and for values that are no standard deviations.
at::Tensor std_map_of(const at::Tensor& stated, std::int64_t count, const TensorSpec& measurement,
                      const std::string& location);

/// That of an item whose data are `y` [range...], of such a map.
at::Tensor std_map_of_item(const at::Tensor& std_map, std::int64_t index, const at::Tensor& y);

}  // namespace recon
