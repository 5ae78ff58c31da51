#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "operators/operator.h"

namespace recon {

/// Bounds of an image, in units of the prior: either, both or none.
struct ImageBounds {
  std::optional<double> low, high;

  bool any() const { return low || high; }
  at::Tensor clamped(const at::Tensor& x) const;
  /// Throws Error(usage) at `where` for bounds of complex images, and unless low < high.
  void require_fit(const Operator& op, const std::string& where) const;
};

}  // namespace recon
