#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "operators/operator.h"

namespace recon {

using DataFilter = std::function<at::Tensor(const at::Tensor& y)>;
/// Gain at a frequency of the data, which is given as a fraction of the highest one (0 to 1), beside what the filter
/// itself has there: the eigenvalue of F, an estimate of 1 / (A A^H).
using FrequencyWindow = std::function<double(double frequency, double filter)>;

/// y -> an image without iterations.
using BackProjection = std::function<at::Tensor(const at::Tensor& y)>;
/// Gain at a frequency of the projections, a fraction of the highest one, and the angle in radians between their view
/// and its neighbours.
using ViewWindow = std::function<double(double frequency, double angle_rad)>;

/// What a linear operator also is when it knows a filter F of its data with A^H F A close to the identity: the ramp
/// filter of projections. `window` damps its high frequencies. Combinations pass on what their part has: empty when
/// that is nothing.
class FilteredInverse {
 public:
  virtual ~FilteredInverse() = default;
  virtual DataFilter inverse_filter(const FrequencyWindow& window) const = 0;
  /// Filtered back-projection: A^H F, or where the weights of A^H are not the right ones (fans) a back-projection of
  /// its own. Empty where there is none.
  virtual BackProjection filtered_back_projection(const ViewWindow& window) const = 0;
};

/// The operator's filter; empty when it has none.
inline DataFilter inverse_filter_of(const Operator& op, const FrequencyWindow& window) {
  const auto* known = dynamic_cast<const FilteredInverse*>(&op);
  return known == nullptr ? DataFilter() : known->inverse_filter(window);
}
inline BackProjection filtered_back_projection_of(const Operator& op, const ViewWindow& window) {
  const auto* known = dynamic_cast<const FilteredInverse*>(&op);
  return known == nullptr ? BackProjection() : known->filtered_back_projection(window);
}

}  // namespace recon
