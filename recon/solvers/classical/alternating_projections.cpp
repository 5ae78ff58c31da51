#include "recon/solvers/classical/alternating_projections.h"

#include <ATen/ATen.h>

#include "recon/solvers/classical/magnitude_projections.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

constexpr const char* alternating_projections_stream = "alternating_projections";

}  // namespace

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
  const MagnitudeProjections projections(context, "alternating_projections", {low, high, bounded});
  const auto start = [&](std::int64_t restart) {
    const at::Tensor x = low + context.normal(alternating_projections_stream, restart).abs();
    return projections.onto_data(projections.embedded(x));
  };
  const auto next = [&](const at::Tensor& u, double relaxation) {
    if (algorithm == Algorithm::er) return projections.onto_image(projections.onto_data(u));
    if (algorithm == Algorithm::hio) return projections.input_output(u, relaxation);
    return projections.reflected(u, relaxation);
  };
  const double first = beta.value_or(algorithm == Algorithm::raar ? 0.995 : 0.9), last = end_beta.value_or(0.9);
  const std::int64_t length = iterations + settling;
  BestFit best;
  for (std::int64_t restart = 0; restart < restarts; ++restart) {
    at::Tensor u = context.operate([&] { return start(restart); }), x;
    for (std::int64_t i = 0; i < length; ++i) {
      x = context.operate([&] {
        if (i >= iterations)
          u = projections.onto_data(i > iterations ? projections.embedded(x) : u);
        else
          u = next(u, first + (last - first) * static_cast<double>(i) / static_cast<double>(iterations));
        return projections.image(u);
      });
      const at::Tensor& estimate = best.x().defined() ? best.x() : x;
      const Step step{
          .done = restart * length + i + 1, .total = restarts * length, .relative_sigma = 0, .residual_squares = {}};
      if (!context.end_step(step, x, estimate)) return estimate;
    }
    best.offer(context, x);
  }
  return best.x();
}

}  // namespace recon
