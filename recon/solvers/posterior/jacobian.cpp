#include "recon/solvers/posterior/jacobian.h"

#include <ATen/ATen.h>

#include "recon/core/rng.h"

namespace recon {
namespace {

constexpr double kTiny = 1e-30;

at::Tensor with_unit_norm(const at::Tensor& d) { return d / per_item(squared_norms(d).sqrt().clamp_min(kTiny), d); }

}  // namespace

at::Tensor jacobian_product(SolverContext& context, const at::Tensor& x, const at::Tensor& d) {
  const Operator& op = context.op();
  if (op.is_linear()) return context.operate([&] { return op.apply(d); });
  const double relative = real_dtype(x) == at::kDouble ? 6e-6 : 5e-3;
  const at::Tensor length = squared_norms(d).sqrt().clamp_min(kTiny);
  const at::Tensor h = relative * squared_norms(x).sqrt().clamp_min(1) / length;
  const at::Tensor step = per_item(h, x) * d;
  return context.operate([&] { return (op.apply(x + step) - op.apply(x - step)) / per_item(2 * h, context.y()); });
}

at::Tensor squared_jacobian_norm(SolverContext& context, const at::Tensor& x) {
  constexpr int iterations = 8;
  std::vector<StreamKey> keys = context.problem().keys;
  for (StreamKey& key : keys) key = {.item = key.item};
  at::Tensor d =
      with_unit_norm(Rng(context.seed(), "jacobian norm").normal(keys, 0, context.op().domain(), x.options()));
  at::Tensor norm;
  for (int i = 0; i < iterations; ++i) {
    const at::Tensor jhjd = context.vjp(x, jacobian_product(context, x, d));
    norm = squared_norms(jhjd).sqrt();
    d = with_unit_norm(jhjd);
  }
  return norm;
}

}  // namespace recon
