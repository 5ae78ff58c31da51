#include "recon/solvers/posterior/pigdm.h"

#include <ATen/ATen.h>

#include <functional>

#include "recon/core/per_entry.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_step.h"

namespace recon {
namespace {

constexpr const char* pigdm_stream = "pigdm";
constexpr double kMetExactly = 1e-30;  // data met exactly: w is 0 then

/// The error variance c(t) of `covariance: auto`, `[batch]` float64: learnt at one level, known at all.
class ErrorVariance {
 public:
  explicit ErrorVariance(const SolverContext& context) : prior_(context.prior()), like_(context.y()) {}

  at::Tensor at_level(const NoiseLevel& level) const {
    const double r2 = level.relative_sigma() * level.relative_sigma();
    if (added_precision_.defined()) return (added_precision_ + 1 / r2).reciprocal();
    const double mse = prior_.denoising_mse(level.relative_sigma());
    return per_entry(mse > 0 ? std::min(mse, r2) : r2, like_);
  }

  /// From `along`, the error variance in the direction of the guidance at `level`.
  void learn(const at::Tensor& along, const NoiseLevel& level) {
    const double r2 = level.relative_sigma() * level.relative_sigma();
    // A network's Jacobian may be anything: not less than the denoiser's mean error, not more than the noise.
    const double least = std::min(std::max(prior_.denoising_mse(level.relative_sigma()), 1e-6 * r2), r2);
    added_precision_ = along.clamp(least, r2).reciprocal() - 1 / r2;
  }

 private:
  const Prior& prior_;
  const at::Tensor& like_;
  at::Tensor added_precision_;
};

/// D_y as a function of x_t.
class PigdmDenoiser {
 public:
  PigdmDenoiser(bool learns, SolverContext& context)
      : learns_(learns),
        context_(context),
        op_(as_linear(context.problem().op, "solver pigdm")),
        noise_(noise_variances(context)),
        error_(context) {}

  at::Tensor operator()(const at::Tensor& x_t, const NoiseLevel& level) {
    const double r2 = level.relative_sigma() * level.relative_sigma(),
                 tweedie = level.sigma * level.sigma / level.alpha;
    const Linearized denoised = context_.linearize(x_t, level);
    const at::Tensor r = context_.residual(denoised.x0);
    residual_squares_ = squared_norms(r);
    const at::Tensor c = learns_ ? error_.at_level(level) : per_entry(r2 / (1 + r2), r);
    const at::Tensor w = context_.operate([&] {
      const at::Tensor backprojected = op_->adjoint(r);
      return op_->solve_shifted(backprojected, noise_ / c, kDataStepAccuracy) / per_item(c, backprojected);
    });
    const at::Tensor guidance = tweedie * denoised.pullback(w);
    if (!learns_) return guidance_.added(denoised.x0, guidance);
    const at::Tensor q = real_inner(w, guidance) / squared_norms(w).clamp_min(kMetExactly);
    error_.learn(q, level);
    return guidance_.added(denoised.x0, guidance * per_item(damping(q, c, w), guidance));
  }

  /// Of the step that was taken by it.
  GuidedSampler::Judged judged() { return {.residual_squares = residual_squares_, .guidance = guidance_.take()}; }

 private:
  /// (c + noise_std² k) / (q + noise_std² k) where q > c, k = ||w||² / ||A w||²; otherwise 1.
  at::Tensor damping(const at::Tensor& q, const at::Tensor& c, const at::Tensor& w) {
    const at::Tensor k =
        squared_norms(w) / squared_norms(context_.operate([&] { return op_->apply(w); })).clamp_min(kMetExactly);
    return (c + noise_ * k) / (at::maximum(q, c) + noise_ * k);
  }

  bool learns_;
  SolverContext& context_;
  LinearOperatorPtr op_;
  at::Tensor noise_;
  ErrorVariance error_;
  at::Tensor residual_squares_;
  StepGuidance guidance_;
};

}  // namespace

void PiGdm::visit(ParameterVisitor& v) {
  v.choice("covariance", covariance,
           "error variance of the denoised image; auto: by its Jacobian along the data; paper: r²/(1 + r²)");
  sampling.visit(v);
}

at::Tensor PiGdm::run(SolverContext& context) const {
  PigdmDenoiser denoiser(covariance == Covariance::automatic, context);
  return sampling.sample(context, pigdm_stream, std::ref(denoiser), [&](SamplerStep&) { return denoiser.judged(); });
}

}  // namespace recon
