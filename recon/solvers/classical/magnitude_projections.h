#pragma once

#include <ATen/core/Tensor.h>

#include "operators/operator.h"
#include "recon/solvers/context.h"

namespace recon {

/// The two projections of phase retrieval and the steps made of them, for operators that measure the magnitudes of a
/// unitary transform of a zero-padded image (Operator::magnitude()).
///
/// u is the padded image. P_M u replaces the magnitudes of its transform by the data (negative ones by 0); P_S u is
/// zero in the padding and keeps the image between `low` and `high`. R = 2 P - 1.
class MagnitudeProjections {
 public:
  /// Bounds in the units of the problem. Complex images have none.
  struct Bounds {
    double low = 0, high = 0;
    bool kept = true;
  };

  /// Throws UnsuitableOperator for an operator that measures no magnitudes, in the name of `solver`.
  MagnitudeProjections(const SolverContext& context, const char* solver, const Bounds& bounds);

  at::Tensor embedded(const at::Tensor& x) const { return form_.embed(x); }
  /// P_M u.
  at::Tensor onto_data(const at::Tensor& u) const;
  /// P_S u.
  at::Tensor onto_image(const at::Tensor& u) const { return embedded(image(u)); }
  /// The image in u, within its bounds.
  at::Tensor image(const at::Tensor& u) const;
  /// The image in P_M u, without bounds.
  at::Tensor image_of_data(const at::Tensor& u) const { return form_.extract(onto_data(u)); }

  /// beta/2 (R_S R_M + 1) u + (1 - beta) P_M u: relaxed averaged alternating reflections (Luke 2005, eq. 5).
  at::Tensor reflected(const at::Tensor& u, double beta) const;
  /// P_M u where P_S leaves it alone, else u - beta (P_M - P_S P_M) u: hybrid input-output (Fienup 1982).
  at::Tensor input_output(const at::Tensor& u, double beta) const;

 private:
  MagnitudeForm form_;
  at::Tensor magnitudes_;
  Bounds bounds_;
};

/// Of the images that several runs end on, the one with the least ||y - A x||, per entry.
class BestFit {
 public:
  void offer(SolverContext& context, const at::Tensor& x);
  /// Undefined before the first offer.
  const at::Tensor& x() const { return x_; }

 private:
  at::Tensor x_, squares_;
};

}  // namespace recon
