#include "recon/pipeline/solve/likely_cause.h"

#include <fmt/format.h>

#include <cmath>

#include "operators/algebra.h"
#include "recon/core/error.h"
#include "recon/solvers/classical/lsqr.h"

namespace recon {
namespace {

constexpr double clearly_better = 1.0 / 3;

double figure_of(const Fit& fit) { return std::isnan(fit.chi2) ? fit.unexplained : fit.chi2; }

}  // namespace

Fit best_fit_of(const PreparedItem& item, const OperatorPtr& op, std::int64_t iterations, bool to_noise) {
  if (!op->is_linear() || op->range() != item.op->range()) return {};
  PreparedItem other = item;
  other.op = op;
  Lsqr quick;
  quick.max_iterations = iterations;
  quick.stopping = to_noise ? Lsqr::Stopping::discrepancy : Lsqr::Stopping::tolerance;
  Problem problem{.op = op, .y = item.y, .noise_std = {item.noise.std}, .keys = {{0, 0}}, .image = op->domain()};
  if (item.noise.weights.defined() && !item.noise.photons.counts_photons()) {
    problem.op = whitened(op, item.noise.weights);
    problem.y = item.y * item.noise.weights;
  }
  try {
    return fit_of(quick.solve(problem, nullptr, {}).x, other);
  } catch (const Error&) {
    return {};  // an alternative that cannot be solved explains nothing
  }
}

std::string likely_cause(const PreparedItem& item, const Fit& fit) {
  if (!item.alternatives) return "";
  const double stated = figure_of(best_fit_of(item, item.op));
  if (std::isnan(stated)) return "";
  const std::string name = std::isnan(fit.chi2) ? "unexplained energy" : "chi²";
  std::string best;
  double least = clearly_better * stated;
  for (const auto& [what, op] : item.alternatives()) {
    const double figure = figure_of(best_fit_of(item, op));
    if (!(figure < least)) continue;
    least = figure;
    best = fmt::format("; most likely {} ({} {:.3g} in place of {:.3g})", what, name, figure, stated);
  }
  if (best.empty() && stated < clearly_better * figure_of(fit)) {
    best = fmt::format(
        "; an image that explains the data exists ({} {:.3g}, least squares): it is the solver that "
        "did not find it",
        name, stated);
  }
  return best;
}

}  // namespace recon
