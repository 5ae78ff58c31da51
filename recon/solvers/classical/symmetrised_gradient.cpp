#include "recon/solvers/classical/symmetrised_gradient.h"

#include <ATen/ATen.h>

#include <cmath>

namespace recon {
namespace {

/// Adds scale times the differences between neighbours among the first `count` entries of the axis.
void add_difference(at::Tensor& sum, const at::Tensor& x, std::int64_t axis, std::int64_t count, double scale) {
  if (count < 2) return;
  at::Tensor inner = sum.narrow(axis, 0, count - 1);
  inner.add_(x.narrow(axis, 1, count - 1), scale).sub_(x.narrow(axis, 0, count - 1), scale);
}

void add_adjoint(at::Tensor& sum, const at::Tensor& d, std::int64_t axis, std::int64_t count, double scale) {
  if (count < 2) return;
  const at::Tensor inner = d.narrow(axis, 0, count - 1);
  sum.narrow(axis, 0, count - 1).sub_(inner, scale);
  sum.narrow(axis, 1, count - 1).add_(inner, scale);
}

const double kMixed = std::sqrt(0.5);  ///< sqrt 2 times one half

}  // namespace

SymmetrisedGradient symmetrised_gradient(const ImageGradient& w) {
  const std::int64_t height = w.vertical.size(-2), width = w.vertical.size(-1);
  SymmetrisedGradient r{at::zeros_like(w.vertical), at::zeros_like(w.vertical), at::zeros_like(w.vertical)};
  add_difference(r.vertical, w.vertical, -2, height - 1, 1);
  add_difference(r.horizontal, w.horizontal, -1, width - 1, 1);
  add_difference(r.mixed, w.vertical, -1, width, kMixed);
  add_difference(r.mixed, w.horizontal, -2, height, kMixed);
  return r;
}

ImageGradient symmetrised_gradient_adjoint(const SymmetrisedGradient& r) {
  const std::int64_t height = r.vertical.size(-2), width = r.vertical.size(-1);
  ImageGradient w{at::zeros_like(r.vertical), at::zeros_like(r.vertical)};
  add_adjoint(w.vertical, r.vertical, -2, height - 1, 1);
  add_adjoint(w.horizontal, r.horizontal, -1, width - 1, 1);
  add_adjoint(w.vertical, r.mixed, -1, width, kMixed);
  add_adjoint(w.horizontal, r.mixed, -2, height, kMixed);
  return w;
}

}  // namespace recon
