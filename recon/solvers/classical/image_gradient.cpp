#include "recon/solvers/classical/image_gradient.h"

#include <ATen/ATen.h>

namespace recon {
namespace {

at::Tensor difference(const at::Tensor& x, std::int64_t axis) {
  const std::int64_t n = x.size(axis);
  at::Tensor d = at::zeros_like(x);
  if (n > 1) d.narrow(axis, 0, n - 1).copy_(x.narrow(axis, 1, n - 1)).sub_(x.narrow(axis, 0, n - 1));
  return d;
}

void add_difference_adjoint(at::Tensor& x, const at::Tensor& d, std::int64_t axis) {
  const std::int64_t n = x.size(axis);
  if (n < 2) return;
  const at::Tensor inner = d.narrow(axis, 0, n - 1);
  x.narrow(axis, 0, n - 1).sub_(inner);
  x.narrow(axis, 1, n - 1).add_(inner);
}

}  // namespace

ImageGradient image_gradient(const at::Tensor& x) {
  ImageGradient g{difference(x, -2), difference(x, -1)};
  if (x.dim() == 5) g.axial = difference(x, -3);
  return g;
}

at::Tensor image_gradient_adjoint(const ImageGradient& g) {
  at::Tensor x = at::zeros_like(g.vertical);
  add_difference_adjoint(x, g.vertical, -2);
  add_difference_adjoint(x, g.horizontal, -1);
  if (g.of_volume()) add_difference_adjoint(x, g.axial, -3);
  return x;
}

double gradient_norm(const at::Tensor& x) { return x.dim() == 5 ? 1.5 * kGradientNorm : kGradientNorm; }

at::Tensor slice_difference(const at::Tensor& x) { return difference(x, -3); }

at::Tensor slice_difference_adjoint(const at::Tensor& d) {
  at::Tensor x = at::zeros_like(d);
  add_difference_adjoint(x, d, -3);
  return x;
}

}  // namespace recon
