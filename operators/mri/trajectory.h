#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "recon/core/parameters.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// The patterns of Trajectory.
enum class TrajectoryPattern { radial, spiral, array };
constexpr auto words_of(TrajectoryPattern) {
  using enum TrajectoryPattern;
  return std::to_array<Word<TrajectoryPattern>>({{radial, "radial"}, {spiral, "spiral"}, {array, "array"}});
}

/// Where a non-Cartesian scan samples k-space, in cycles per field of view: (row, column) in [-H/2, H/2] x [-W/2, W/2],
/// so that whole numbers are the positions of the centred grid.
///
/// radial  `spokes` lines through the centre, `readout` samples each at radii (i - readout / 2) / readout of the whole
///         width, at angles pi s / spokes or, `golden_angle`, s pi (sqrt 5 - 1) / 2 (Winkelmann et al. 2007).
/// spiral  `interleaves` Archimedean spirals of `turns` turns and `readout` samples each, from the centre to the edge,
///         rotated by 2 pi / interleaves; the angle grows with the square root of time, for a constant speed.
/// array   `positions` of one's own.
struct Trajectory {
  at::Tensor positions;
  TrajectoryPattern pattern = TrajectoryPattern::radial;
  std::int64_t spokes = 64;
  bool golden_angle = false;
  std::int64_t interleaves = 16;
  double turns = 4;
  std::int64_t readout = 0;  ///< 0: twice the longer side

  void visit(ParameterVisitor& v);
  /// float64 [samples, 2]. Throws Error(usage) naming `location`.
  at::Tensor on(const TensorSpec& image, const std::string& location) const;
};

}  // namespace recon
