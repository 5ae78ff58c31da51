#include "recon/solvers/classical/magnitude_projections.h"

#include <ATen/ATen.h>

#include <string>

#include "operators/unsuitable_operator.h"
#include "recon/core/per_entry.h"

namespace recon {
namespace {

MagnitudeForm magnitude_form(const Operator& op, const char* solver) {
  if (auto form = op.magnitude()) return std::move(*form);
  throw UnsuitableOperator(
      std::string("solver ") + solver,
      "needs magnitudes of a transform (operator fourier_magnitude), got '{}'; use daps, pnp_dm or dps", op.name());
}

}  // namespace

MagnitudeProjections::MagnitudeProjections(const SolverContext& context, const char* solver, const Bounds& bounds)
    : form_(magnitude_form(context.op(), solver)), magnitudes_(context.y().clamp_min(0)), bounds_(bounds) {}

at::Tensor MagnitudeProjections::onto_data(const at::Tensor& u) const {
  return form_.inverse(magnitudes_ * at::sgn(form_.transform(u)));
}

at::Tensor MagnitudeProjections::image(const at::Tensor& u) const {
  const at::Tensor x = form_.extract(u);
  return bounds_.kept && !x.is_complex() ? x.clamp(bounds_.low, bounds_.high) : x;
}

at::Tensor MagnitudeProjections::reflected(const at::Tensor& u, double beta) const {
  const at::Tensor m = onto_data(u), r = 2 * m - u;
  return 0.5 * beta * (2 * onto_image(r) - r + u) + (1 - beta) * m;
}

at::Tensor MagnitudeProjections::input_output(const at::Tensor& u, double beta) const {
  const at::Tensor m = onto_data(u), s = onto_image(m);
  return at::where(m == s, m, u - beta * (m - s));
}

void BestFit::offer(SolverContext& context, const at::Tensor& x) {
  const at::Tensor squares = squared_norms(context.residual(x));
  if (!x_.defined()) {
    x_ = x;
    squares_ = squares;
    return;
  }
  x_ = at::where(along_batch(squares < squares_, x), x, x_);
  squares_ = at::minimum(squares, squares_);
}

}  // namespace recon
