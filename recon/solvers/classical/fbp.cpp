#include "recon/solvers/classical/fbp.h"

#include <cmath>
#include <numbers>

#include "operators/inverse_filter.h"
#include "operators/unsuitable_operator.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

double gain(Fbp::Window window, double u) {
  constexpr double pi = std::numbers::pi;
  if (u > 1) return 0;
  if (window == Fbp::Window::shepp_logan) return u > 0 ? std::sin(pi * u / 2) / (pi * u / 2) : 1;
  if (window == Fbp::Window::cosine) return std::cos(pi * u / 2);
  if (window == Fbp::Window::hamming) return 0.54 + 0.46 * std::cos(pi * u);
  if (window == Fbp::Window::hann) return 0.5 + 0.5 * std::cos(pi * u);
  return 1;
}

}  // namespace

void Fbp::visit(ParameterVisitor& v) {
  v.choice("window", window, "what damps the ramp filter");
  v.field("cutoff", cutoff, "highest frequency that is kept, of the detector's highest",
          {.min = 0, .max = 1, .open_min = true});
}

at::Tensor Fbp::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver fbp");
  const DataFilter filter = inverse_filter_of(*op, [this](double f, double) { return gain(window, f / cutoff); });
  if (!filter) {
    throw UnsuitableOperator("solver fbp", "expected projections such as radon, got {}; use tikhonov_cg or tv_pdhg",
                             op->name());
  }
  return context.operate([&] { return op->adjoint(filter(context.y())); });
}

}  // namespace recon
