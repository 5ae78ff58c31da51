#pragma once

#include "operators/operator.h"

namespace recon {

/// What a linear operator also is when it computes A^H A by another way than A^H after A, equal up to an accuracy.
/// Combinations pass on what their part has.
class ApproximateNormal {
 public:
  virtual ~ApproximateNormal() = default;
  /// ||normal(x) - adjoint(apply(x))|| / ||adjoint(apply(x))|| is at most about this for random x; 0: rounding alone.
  virtual double normal_error() const = 0;
};

inline double normal_error_of(const LinearOperator& op) {
  const auto* known = dynamic_cast<const ApproximateNormal*>(&op);
  return known == nullptr ? 0 : known->normal_error();
}

}  // namespace recon
