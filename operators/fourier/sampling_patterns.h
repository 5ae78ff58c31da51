#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "recon/core/parameters.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// The patterns of SamplingPatternOptions.
enum class SamplingPattern { cartesian_random, cartesian_equispaced, poisson_disc, radial, full, array };
constexpr auto words_of(SamplingPattern) {
  using enum SamplingPattern;
  return std::to_array<Word<SamplingPattern>>({{cartesian_random, "cartesian_random"},
                                               {cartesian_equispaced, "cartesian_equispaced"},
                                               {poisson_disc, "poisson_disc"},
                                               {radial, "radial"},
                                               {full, "full"},
                                               {array, "array"}});
}

/// Which positions of the centred k-space grid [H, W] are sampled.
///
/// full               every position.
/// cartesian_random   whole columns: the `center_lines` central ones, then others drawn without replacement until
///                    round(W / acceleration) are taken.
/// cartesian_equispaced  the `center_lines` central columns, and others at equal distances (to rounding) beside them
/// until
///                    round(W / acceleration) are taken.
/// poisson_disc       variable density: no sample within r(k) = r0 (1 + 4 |k| / |k|_max) of an earlier one, a full
///                    central square of `center_lines`, exactly round(HW / acceleration) samples in all. r0 is found by
///                    bisection (dart throwing in a random order; Bridson 2007 has the constant-radius case).
/// radial             `spokes` lines through the centre at equal angles, rounded to the grid.
/// array              a mask of one's own.
///
/// Volumes [C, D, H, W] are measured by readouts along H, whole lines in k-space: the pattern lies on the plane [D, W]
/// of the two phase encodings, and every position of it stands for a readout.
struct SamplingPatternOptions {
  at::Tensor mask;
  SamplingPattern pattern = SamplingPattern::cartesian_random;
  double acceleration = 4;
  std::int64_t center_lines = 0;  ///< 0: 8 % of the width (poisson_disc: of the smaller side), at least 1
  std::int64_t spokes = 32;
  std::int64_t seed = 0;

  void visit(ParameterVisitor& v);
  /// 0/1 float64 [1 or C, H, W], of volumes [1 or C, D, H, W]. Throws Error(usage) naming `location`.
  at::Tensor on(const TensorSpec& image, const std::string& location) const;
};

}  // namespace recon
