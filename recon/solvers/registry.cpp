#include "recon/solvers/solver.h"

namespace recon {

const std::vector<SolverKind>& solver_kinds() {
  static const std::vector<SolverKind> kinds = {};
  return kinds;
}

}  // namespace recon
