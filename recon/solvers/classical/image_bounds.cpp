#include "recon/solvers/classical/image_bounds.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {

at::Tensor ImageBounds::clamped(const at::Tensor& x) const {
  if (!any()) return x;
  const auto bound = [](const std::optional<double>& value) {
    return value ? std::optional<at::Scalar>(*value) : std::nullopt;
  };
  return x.clamp(bound(low), bound(high));
}

void ImageBounds::require_fit(const Operator& op, const std::string& where) const {
  if (op.domain().scalar == ScalarKind::complex && any()) {
    throw usage_error(where, "bounds need a real image, got {}; leave low and high out", op.domain().to_string());
  }
  if (low && high && !(*low < *high)) throw usage_error(where, "expected low < high, got {} and {}", *low, *high);
}

}  // namespace recon
