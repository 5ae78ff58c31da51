#include "recon/solvers/solver.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "recon/core/error.h"
#include "recon/solvers/context.h"
#include "recon/solvers/micro_batches.h"
#include "recon/solvers/peak_memory.h"
#include "recon/solvers/stopwatch.h"

namespace recon {
namespace {

void check_measurement(const Problem& problem) {
  const TensorSpec& range = problem.op->range();
  const at::Tensor& y = problem.y;
  const bool fits = y.dim() == static_cast<std::int64_t>(range.shape.size()) + 1 && y.size(0) >= 1 &&
                    y.sizes().slice(1) == at::IntArrayRef(range.shape) && scalar_kind_of(y) == range.scalar &&
                    (y.is_floating_point() || y.is_complex());
  if (!fits) {
    throw data_error("measurement", "expected a batch of {} (the range of {}), got {} {}", range.to_string(),
                     problem.op->name(), c10::toString(y.scalar_type()), to_string(shape_of(y)));
  }
  require_finite(y, "measurement");
}

void check(const Problem& problem) {
  const std::string where = "Solver::solve";
  if (!problem.op || !problem.y.defined()) throw internal_error(where, "expected an operator and a measurement");
  check_measurement(problem);
  const auto batch = static_cast<std::size_t>(problem.batch());
  if (problem.noise_std.size() != batch || problem.keys.size() != batch) {
    throw internal_error(where, "expected {} noise_std and keys, got {} and {}", batch, problem.noise_std.size(),
                         problem.keys.size());
  }
  for (const double noise_std : problem.noise_std) {
    if (!std::isfinite(noise_std) || noise_std < 0) {
      throw data_error("measurement noise", "expected a standard deviation >= 0, got {}", noise_std);
    }
  }
  const std::size_t axes = problem.image.shape.size();
  if (problem.image != problem.op->domain() || (axes != 3 && axes != 4)) {
    throw internal_error(where, "expected images {} with three axes, or volumes with four, got {}",
                         problem.op->domain().to_string(), problem.image.to_string());
  }
}

}  // namespace

Report Solver::solve(const Problem& problem, const Prior* prior, const Controls& controls) const {
  check(problem);
  const at::NoGradGuard no_graph;
  double seconds = 0;
  Report report;
  {
    const Stopwatch watch(seconds);
    report = solve_in_micro_batches(problem, prior, controls, [&](const Problem& entries, const Controls& of_part) {
      Report of_the_look;
      SolverContext look(entries, prior, of_part, of_the_look);
      return solve_by_steps(entries, steps_of_entries(look), of_part,
                            [&](const Problem& alike, const Controls& c) { return solve_together(alike, prior, c); });
    });
  }
  report.seconds = seconds;  // with what was tried in vain
  return report;
}

Report Solver::solve_together(const Problem& problem, const Prior* prior, const Controls& controls) const {
  Report report;
  const PeakMemory memory(problem.y.device());
  {
    const Stopwatch watch(report.seconds);  // the last figures of finish() wait for the device
    SolverContext context(problem, prior, controls, report);
    context.finish(run(context));
  }
  report.peak_mib = memory.mib();
  return report;
}

}  // namespace recon
