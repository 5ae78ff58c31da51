#pragma once

#include <ATen/core/Tensor.h>

#include "recon/solvers/context.h"

namespace recon {

/// Mean gain ||A||_F² / m of the operator per entry of the batch: the variance per measured real component that white
/// noise of unit variance on the image causes. By random probes: E ||A z||² = ||A||_F² for z ~ N(0, I).
///
/// Non-linear operators have no such constant: their Jacobian is probed at the image in question, by E ||J^H z||².
class MeanGain {
 public:
  explicit MeanGain(SolverContext& context);

  /// `[batch]`, float64, at the images x `[batch, C, H, W]`. `step` selects the probe.
  at::Tensor at_image(const at::Tensor& x, std::int64_t step);

 private:
  SolverContext& context_;
  std::vector<StreamKey> keys_;  ///< one draw per item: samples of an item share it
  at::Tensor linear_gain_;       ///< undefined for a non-linear operator
};

}  // namespace recon
