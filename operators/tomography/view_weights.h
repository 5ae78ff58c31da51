#pragma once

#include <vector>

namespace recon {

/// How much of the half turn each view of parallel beams stands for: the weights of filtered back-projection, which is
/// an integral over angles (Kak & Slaney 1988, eq. 3.33).
struct ViewWeights {
  std::vector<double> weight_rad;  ///< per view: half the way to the next direction on either side, shared by its views
  double covered_rad = 0;          ///< their sum, at most a half turn (of fans a whole one)
  double first_rad = 0;            ///< where what they cover begins
  bool closed = true;              ///< all around: no missing wedge
};

/// A view and the one from its back are the same, so angles count modulo a half turn. The widest gap between two
/// neighbours belongs to no view when it is more than twice as wide as any other: a missing wedge. The views at its
/// edges then count on that side what they count on the other.
ViewWeights view_weights(const std::vector<double>& angles_rad);

/// The same for the views of a fan, whose directions count modulo a whole turn.
ViewWeights view_weights_of_fan(const std::vector<double>& angles_rad);

}  // namespace recon
