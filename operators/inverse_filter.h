#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "operators/operator.h"

namespace recon {

using DataFilter = std::function<at::Tensor(const at::Tensor& y)>;
/// Gain at a frequency of the data, which is given as a fraction of the highest one (0 to 1), beside what the filter
/// itself has there: the eigenvalue of F, an estimate of 1 / (A A^H).
using FrequencyWindow = std::function<double(double frequency, double filter)>;

/// What a linear operator also is when it knows a filter F of its data with A^H F A close to the identity: the ramp
/// filter of projections. `window` damps its high frequencies. Combinations pass on what their part has: empty when
/// that is nothing.
class FilteredInverse {
 public:
  virtual ~FilteredInverse() = default;
  virtual DataFilter inverse_filter(const FrequencyWindow& window) const = 0;
};

/// The operator's filter; empty when it has none.
inline DataFilter inverse_filter_of(const Operator& op, const FrequencyWindow& window) {
  const auto* known = dynamic_cast<const FilteredInverse*>(&op);
  return known == nullptr ? DataFilter() : known->inverse_filter(window);
}

}  // namespace recon
