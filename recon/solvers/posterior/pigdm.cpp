#include "recon/solvers/posterior/pigdm.h"

#include <ATen/ATen.h>

#include <functional>
#include <utility>

#include "recon/core/per_entry.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/pseudoinverse_guidance.h"

namespace recon {
namespace {

constexpr const char* pigdm_stream = "pigdm";

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
    const double r2 = level.relative_sigma() * level.relative_sigma();
    const at::Tensor c = learns_ ? error_.at_level(level) : per_entry(r2 / (1 + r2), context_.y());
    PseudoinverseGuidance g = pseudoinverse_guidance(context_, *op_, x_t, level, c, noise_);
    residual_squares_ = g.residual_squares;
    if (!learns_) return guidance_.added(g.x0, g.shift);
    g = error_.with_covariance(std::move(g), level);
    error_.learn(g.along, level);
    return guidance_.added(g.x0, g.shift * per_item(damping(g, c), g.shift));
  }

  /// Of the step that was taken by it.
  GuidedSampler::Judged judged() { return {.residual_squares = residual_squares_, .guidance = guidance_.take()}; }

 private:
  /// (c + noise_std² k) / (q + noise_std² k) where q > c, k = ||w||² / ||A w||²; otherwise 1.
  at::Tensor damping(const PseudoinverseGuidance& g, const at::Tensor& c) const {
    return (c + noise_ * g.per_response) / (at::maximum(g.along, c) + noise_ * g.per_response);
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
  return sampling.sample(context, sampling.levels(context), pigdm_stream, std::ref(denoiser),
                         [&](SamplerStep&) { return denoiser.judged(); });
}

}  // namespace recon
