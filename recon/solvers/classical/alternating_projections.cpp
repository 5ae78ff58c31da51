#include "recon/solvers/classical/alternating_projections.h"

#include <ATen/ATen.h>

#include "operators/unsuitable_operator.h"
#include "recon/core/per_entry.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

constexpr const char* alternating_projections_stream = "alternating_projections";

MagnitudeForm magnitude_form(const Operator& op) {
  if (const auto form = op.magnitude()) return *form;
  throw UnsuitableOperator(
      "solver alternating_projections",
      "needs magnitudes of a transform (operator fourier_magnitude), got '{}'; use daps, pnp_dm or dps", op.name());
}

}  // namespace

/// The two projections and the steps made of them.
class AlternatingProjections::Iteration {
 public:
  Iteration(const AlternatingProjections& options, SolverContext& context)
      : options_(options),
        context_(context),
        form_(magnitude_form(context.op())),
        magnitudes_(context.y().clamp_min(0)) {}

  at::Tensor start(std::int64_t restart) const {
    return onto_data(form_.embed(options_.low + context_.normal(alternating_projections_stream, restart).abs()));
  }

  at::Tensor next(const at::Tensor& u, double beta) const {
    const at::Tensor m = onto_data(u);
    if (options_.algorithm == Algorithm::er) return onto_image(m);
    if (options_.algorithm == Algorithm::hio) {
      const at::Tensor s = onto_image(m);
      return at::where(m == s, m, u - beta * (m - s));
    }
    const at::Tensor reflected = 2 * m - u;
    return 0.5 * beta * (2 * onto_image(reflected) - reflected + u) + (1 - beta) * m;
  }

  at::Tensor image(const at::Tensor& u) const { return clipped(form_.extract(u)); }
  /// A step of error reduction, which ends on an image.
  at::Tensor reduced(const at::Tensor& u) const { return image(onto_data(u)); }
  at::Tensor embedded(const at::Tensor& x) const { return form_.embed(x); }

 private:
  at::Tensor onto_data(const at::Tensor& u) const {
    const at::Tensor k = form_.transform(u);
    return form_.inverse(magnitudes_ * at::sgn(k));
  }
  at::Tensor clipped(const at::Tensor& x) const {
    return options_.bounded && !x.is_complex() ? x.clamp(options_.low, options_.high) : x;
  }
  at::Tensor onto_image(const at::Tensor& u) const { return form_.embed(clipped(form_.extract(u))); }

  const AlternatingProjections& options_;
  SolverContext& context_;
  MagnitudeForm form_;
  at::Tensor magnitudes_;
};

void AlternatingProjections::visit(ParameterVisitor& v) {
  v.choice("algorithm", algorithm, "relaxed reflections, hybrid input-output, error reduction");
  v.field("iterations", iterations, "of each run, two transforms each", {.min = 1});
  v.field("beta", beta, "first relaxation; default: 0.995 for raar, 0.9 for hio; er has none",
          {.min = 0, .max = 1, .open_min = true});
  v.field("end_beta", end_beta, "last relaxation; default: 0.9", {.min = 0, .max = 1, .open_min = true});
  v.field("settling", settling, "steps of error reduction at the end of each run", {.min = 0});
  v.field("restarts", restarts, "runs from other random images; the one that fits the data best is kept", {.min = 1});
  v.field("bounded", bounded, "keep real images within their range");
}

at::Tensor AlternatingProjections::run(SolverContext& context) const {
  const Iteration iteration(*this, context);
  const double first = beta.value_or(algorithm == Algorithm::raar ? 0.995 : 0.9), last = end_beta.value_or(0.9);
  const std::int64_t length = iterations + settling;
  at::Tensor best, best_squares;
  for (std::int64_t restart = 0; restart < restarts; ++restart) {
    at::Tensor u = context.operate([&] { return iteration.start(restart); }), x;
    for (std::int64_t i = 0; i < length; ++i) {
      x = context.operate([&] {
        if (i >= iterations) return iteration.reduced(i > iterations ? iteration.embedded(x) : u);
        u = iteration.next(u, first + (last - first) * static_cast<double>(i) / static_cast<double>(iterations));
        return iteration.image(u);
      });
      const at::Tensor& estimate = best.defined() ? best : x;
      const Step step{
          .done = restart * length + i + 1, .total = restarts * length, .relative_sigma = 0, .residual_squares = {}};
      if (!context.end_step(step, x, estimate)) return estimate;
    }
    const at::Tensor squares = squared_norms(context.residual(x));
    if (!best.defined()) {
      best = x;
      best_squares = squares;
      continue;
    }
    const at::Tensor better = squares < best_squares;
    best = at::where(along_batch(better, x), x, best);
    best_squares = at::minimum(squares, best_squares);
  }
  return best;
}

}  // namespace recon
