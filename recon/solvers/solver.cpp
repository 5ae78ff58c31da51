#include "recon/solvers/solver.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "recon/core/error.h"
#include "recon/core/nearest.h"
#include "recon/solvers/context.h"
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
  if (problem.image != problem.op->domain() || problem.image.shape.size() != 3) {
    throw internal_error(where, "expected images {} with three axes, got {}", problem.op->domain().to_string(),
                         problem.image.to_string());
  }
}

void check(const Prior& prior, const TensorSpec& image) {
  const ImageDomain& domain = prior.domain();
  const std::string location = "prior " + prior.name();
  if (image.scalar != ScalarKind::real) throw usage_error(location, "expected real images, got {}", image.to_string());
  if (image.shape[0] != domain.channels) {
    throw usage_error(location, "expected images of {} channel(s), got {}", domain.channels, image.to_string());
  }
  const Shape size(image.shape.begin() + 1, image.shape.end());
  if (!domain.fixed_size.empty() && size != domain.fixed_size) {
    throw usage_error(location, "knows images of size {} only, got {}", to_string(domain.fixed_size), to_string(size));
  }
  if (size[0] % domain.multiple != 0 || size[1] % domain.multiple != 0) {
    throw usage_error(location, "expected a height and width that are multiples of {}, got {}; pad the image",
                      domain.multiple, to_string(size));
  }
}

}  // namespace

std::string to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::converged:
      return "converged";
    case Outcome::finished:
      return "finished";
    case Outcome::stopped_early:
      return "stopped_early";
    case Outcome::diverged:
      return "diverged";
  }
  throw internal_error("to_string(Outcome)", "unknown value {}", static_cast<int>(outcome));
}

Report Solver::solve(const Problem& problem, const Prior* prior, const Controls& controls) const {
  check(problem);
  if (needs_prior()) {
    if (prior == nullptr) throw usage_error("solver", "this solver needs a prior; name one, or use a classical solver");
    check(*prior, problem.image);
  }
  const at::NoGradGuard no_graph;
  Report report;
  const PeakMemory memory(problem.y.device());
  Stopwatch watch(problem.y.device(), report.seconds);
  SolverContext context(problem, prior, controls, report);
  context.finish(run(context));
  watch.stop();
  report.peak_mib = memory.mib();
  return report;
}

const SolverKind& find_solver_kind(const std::string& name, const std::string& location) {
  std::vector<std::string> names;
  for (const SolverKind& kind : solver_kinds()) {
    if (kind.name == name) return kind;
    names.push_back(kind.name);
  }
  throw usage_error(location, "unknown solver '{}'{}", name, suggestion(name, names));
}

}  // namespace recon
