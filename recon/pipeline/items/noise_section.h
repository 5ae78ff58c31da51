#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "recon/core/noise.h"
#include "recon/core/parameters.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// The noise of a camera in the words of its data sheet: electrons = gain (ADU - offset), Poisson counts and read
/// noise.
struct CameraNoise {
  double gain_e_per_adu = 1;
  double offset_adu = 0;
  double read_noise_e = 0;

  /// That of numbers y = (ADU - offset) `unit`: gain / unit photons at intensity 1, read noise read_noise / gain unit.
  Noise in_units_of(double unit) const;
};

/// The section `noise` of a config, in the units of the images or of the stored numbers.
struct NoiseSection {
  std::optional<Noise> noise;    ///< nothing when there is no such section; what it leaves out is of default_noise()
  at::Tensor background;         ///< what is measured of a black image: a number [] or an array; undefined: nothing
  at::Tensor std_map;            ///< gaussian: of single entries, as stated; undefined: noise->std holds for all
  NoiseCorrelation correlation;  ///< gaussian, in place of std
  std::optional<CameraNoise> camera;  ///< in place of `noise`, which depends on what the stored numbers become
};
NoiseSection read_noise(ParameterVisitor& config, const char* doc);

/// Gaussian noise of std 0.05: what `recon simulate` adds when nothing is said.
Noise default_noise();

/// A stated map, shaped as a measurement, or as `count` of them, as [range...] or [count, range...] float32. Throws
/// Error(usage) at `location` for other shapes and for values that are no standard deviations.
at::Tensor std_map_of(const at::Tensor& stated, std::int64_t count, const TensorSpec& measurement,
                      const std::string& location);

/// Throws Error(usage) at `location` for a correlation that cannot be that of such measurements.
void require_correlation(const NoiseCorrelation& correlation, const TensorSpec& measurement,
                         const std::string& location);

/// That of an item whose data are `y` [range...], of such a map.
at::Tensor std_map_of_item(const at::Tensor& std_map, std::int64_t index, const at::Tensor& y);

}  // namespace recon
