#include "recon/solvers/classical/tgv_pdhg.h"

#include <ATen/ATen.h>

#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/classical/data_dual.h"
#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/classical/symmetrised_gradient.h"
#include "recon/solvers/context.h"
#include "recon/solvers/volumes.h"

namespace recon {
namespace {

constexpr double kTgvRelaxation = 1.8;
constexpr double kDerivativeNorm = 12;  ///< ||(D, -I; 0, E)||²

}  // namespace

class TgvPdhg::Iteration {
 public:
  Iteration(const TgvPdhg& options, SolverContext& context, const LinearOperator& op)
      : options_(options), data_(context, op, options.weight), x_(fitted_adjoint(context, op)) {
    const at::Tensor zero = at::zeros_like(x_);
    w_ = {zero, zero};
    q_ = {zero, zero};
    r_ = {zero, zero, zero};
    steps_ = primal_dual_steps(x_, context.y(), kDerivativeNorm);
  }

  const DataDual& data() const { return data_; }
  at::Tensor image() const { return x_; }

  void advance() {
    const at::Tensor x = x_ - steps_.tau * (data_.back() + image_gradient_adjoint(q_));
    const ImageGradient gradient = symmetrised_gradient_adjoint(r_);
    const ImageGradient w{w_.vertical - steps_.tau * (gradient.vertical - q_.vertical),
                          w_.horizontal - steps_.tau * (gradient.horizontal - q_.horizontal)};
    const at::Tensor ahead = 2 * x - x_;
    const ImageGradient ahead_w{2 * w.vertical - w_.vertical, 2 * w.horizontal - w_.horizontal};
    x_ = at::lerp(x_, x, kTgvRelaxation);
    w_ = {at::lerp(w_.vertical, w.vertical, kTgvRelaxation), at::lerp(w_.horizontal, w.horizontal, kTgvRelaxation)};
    advance_gradient_dual(image_gradient(ahead), ahead_w);
    advance_derivative_dual(symmetrised_gradient(ahead_w));
    data_.advance(ahead, steps_.data, kTgvRelaxation);
  }

 private:
  void advance_gradient_dual(const ImageGradient& g, const ImageGradient& w) {
    const at::Tensor vertical = q_.vertical + steps_.penalty * (g.vertical - w.vertical);
    const at::Tensor horizontal = q_.horizontal + steps_.penalty * (g.horizontal - w.horizontal);
    const at::Tensor excess = at::hypot(vertical.abs(), horizontal.abs()).clamp_min(1);
    q_ = {at::lerp(q_.vertical, vertical / excess, kTgvRelaxation),
          at::lerp(q_.horizontal, horizontal / excess, kTgvRelaxation)};
  }

  void advance_derivative_dual(const SymmetrisedGradient& e) {
    const at::Tensor vertical = r_.vertical + steps_.penalty * e.vertical,
                     horizontal = r_.horizontal + steps_.penalty * e.horizontal;
    const at::Tensor mixed = r_.mixed + steps_.penalty * e.mixed;
    const at::Tensor length = at::hypot(at::hypot(vertical.abs(), horizontal.abs()), mixed.abs());
    const at::Tensor excess = (length / options_.ratio).clamp_min(1);
    r_ = {at::lerp(r_.vertical, vertical / excess, kTgvRelaxation),
          at::lerp(r_.horizontal, horizontal / excess, kTgvRelaxation),
          at::lerp(r_.mixed, mixed / excess, kTgvRelaxation)};
  }

  const TgvPdhg& options_;
  DataDual data_;
  at::Tensor x_;
  ImageGradient w_, q_;    ///< the field w and the dual of D x - w
  SymmetrisedGradient r_;  ///< the dual of E w
  PrimalDualSteps steps_;
};

void TgvPdhg::visit(ParameterVisitor& v) {
  v.field("weight", weight, "weight of TGV against 1/2 ||y - A x||²; found by chi² = 1 when absent",
          {.min = 0, .open_min = true});
  v.field("ratio", ratio, "weight of the second derivative against the first", {.min = 0, .open_min = true});
  v.field("max_iterations", max_iterations, "iterations at most", {.min = 1});
  v.field("tolerance", tolerance, "relative change of the image over 20 iterations at which to stop",
          {.min = 0, .open_min = true});
}

at::Tensor TgvPdhg::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver tgv_pdhg");
  require_no_volume(*op, "solver tgv_pdhg", "tv_pdhg");
  Iteration iteration(*this, context, *op);
  return run_primal_dual(
      context, {.weight = weight, .max_iterations = max_iterations, .tolerance = tolerance}, iteration.data(),
      [&] { iteration.advance(); }, [&] { return iteration.image(); });
}

}  // namespace recon
