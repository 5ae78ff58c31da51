#include "recon/solvers/classical/wavelet_fista.h"

#include <ATen/ATen.h>

#include "recon/core/per_entry.h"
#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/classical/discrepancy.h"
#include "recon/solvers/classical/operator_norm.h"
#include "recon/solvers/classical/wavelet.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

/// Noise variance over the size of a detail coefficient of a typical photograph on [-1, 1]: a first guess only.
constexpr double kWaveletWeightPerVariance = 20;
/// Relative to ||A||²: too small to be seen in noise-free data, large enough to choose what they leave open.
constexpr double kNoiseFreeWeight = 1e-5;
constexpr double kStrongWeight = 0.1;  ///< relative to ||A||²

/// Real and imaginary parts as a batch of twice the length: a wavelet transform is real, and real numbers are the
/// faster to go through.
at::Tensor parts_of(const at::Tensor& x) { return x.is_complex() ? at::cat({at::real(x), at::imag(x)}) : x; }

at::Tensor shrunk(const at::Tensor& c, const at::Tensor& threshold) { return c - c.clamp(-threshold, threshold); }

/// Of coefficients whose real parts are in the first half of the batch and whose imaginary parts are in the second.
at::Tensor shrunk_pairs(const at::Tensor& c, const at::Tensor& threshold) {
  const std::int64_t batch = c.size(0) / 2;
  const at::Tensor re = c.narrow(0, 0, batch), im = c.narrow(0, batch, batch);
  const at::Tensor length = re.square().addcmul_(im, im).sqrt_().clamp_min_(1e-30);
  const at::Tensor factor = (1 - threshold / length).clamp_min_(0);
  return at::cat({re * factor, im * factor});
}

}  // namespace

/// The images of the batch and the weights' solves on them.
class WaveletFista::Iteration {
 public:
  Iteration(const WaveletFista& options, SolverContext& context, const LinearOperator& op)
      : options_(options),
        context_(context),
        op_(op),
        wavelet_(options.wavelet, options.levels, options.undecimated, op.domain(), "solver wavelet_fista"),
        penalty_(wavelet_.penalty(context.image_options())) {
    const double norm_squared = squared_operator_norm(op, context.image_options());
    step_ = norm_squared > 0 ? 1 / norm_squared : 1;
    x_ = fitted_adjoint(context, op);
    back_ = context.operate([&] { return op.adjoint(context.y()); });
  }

  double noise_free_weight() const { return kNoiseFreeWeight / step_; }
  double strong_weight() const { return kStrongWeight / step_; }

  /// The images of these weights, one per entry.
  at::Tensor solve(const at::Tensor& weights) {
    const at::Tensor threshold = per_item(weights * step_, penalty_) * penalty_;
    at::Tensor t = per_entry(1, x_), done = t < 0, ahead = x_;
    for (std::int64_t i = 0; i < options_.max_iterations; ++i) {
      const at::Tensor next = at::where(along_batch(done, x_), x_, denoised(ahead + step_ * descent(ahead), threshold));
      const at::Tensor increment = next - x_, step = next - ahead;
      // Restart the momentum where it points uphill (O'Donoghue & Candes 2015): it overshot.
      t = at::where(real_inner(step, increment) < 0, at::ones_like(t), t);
      const at::Tensor t_next = (1 + (1 + 4 * t * t).sqrt()) / 2;
      const at::Tensor momentum = at::where(done, at::zeros_like(t), (t - 1) / t_next);
      t = t_next;
      done = done.logical_or(squared_norms(step) <= options_.tolerance * options_.tolerance * squared_norms(next));
      ahead = next + per_item(momentum, next) * increment;
      x_ = next;
      if (is_time_to_look(i, done) && done.all().item<bool>()) break;
    }
    return x_;
  }

 private:
  /// A^H (y - A x).
  at::Tensor descent(const at::Tensor& x) {
    return context_.operate([&] { return back_ - op_.normal(x); });
  }

  /// D_t of the header.
  at::Tensor denoised(const at::Tensor& x, const at::Tensor& threshold) const {
    const at::Tensor c = wavelet_.analyze(parts_of(x));
    if (!x.is_complex()) return wavelet_.synthesize(shrunk(c, threshold));
    const at::Tensor parts = wavelet_.synthesize(shrunk_pairs(c, threshold));
    return at::complex(parts.narrow(0, 0, x.size(0)), parts.narrow(0, x.size(0), x.size(0)));
  }

  const WaveletFista& options_;
  SolverContext& context_;
  const LinearOperator& op_;
  Wavelet wavelet_;
  at::Tensor penalty_;
  double step_ = 1;
  at::Tensor x_, back_;  ///< the image; A^H y
};

void WaveletFista::visit(ParameterVisitor& v) {
  v.field("weight", weight, "weight of the l1 norm against 1/2 ||y - A x||²; found by chi² = 1 when absent",
          {.min = 0, .open_min = true});
  v.choice("wavelet", wavelet, "family: 2, 4 or 8 taps");
  v.field("undecimated", undecimated, "cycle spinning over all shifts of the image: better");
  v.field("levels", levels, "levels at most; fewer where the image's size does not admit them", {.min = 1, .max = 30});
  v.field("tolerance", tolerance, "relative step of the image at which to stop", {.min = 0, .open_min = true});
  v.field("max_iterations", max_iterations, "iterations at most, per weight", {.min = 1});
}

at::Tensor WaveletFista::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver wavelet_fista");
  Iteration iteration(*this, context, *op);
  const auto solve = [&](const at::Tensor& weights, const at::Tensor&) { return iteration.solve(weights); };
  return solve_at_discrepancy(
      context, weight, {solve, kWaveletWeightPerVariance, iteration.noise_free_weight(), iteration.strong_weight()});
}

}  // namespace recon
