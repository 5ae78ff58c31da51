#include "recon/solvers/posterior/diffpir.h"
#include "recon/solvers/posterior/dps.h"
#include "recon/solvers/solver.h"

namespace recon {
namespace {

template <class T>
SolverKind kind(std::string name, std::string summary) {
  return {std::move(name), std::move(summary), [] { return std::make_unique<T>(); }};
}

}  // namespace

const std::vector<SolverKind>& solver_kinds() {
  static const std::vector<SolverKind> kinds = {
      kind<DiffPir>("diffpir", "diffusion prior with a proximal data step: fast, no backward pass, linear operators"),
      kind<Dps>("dps", "diffusion posterior sampling: samples of the posterior, any differentiable operator"),
  };
  return kinds;
}

}  // namespace recon
