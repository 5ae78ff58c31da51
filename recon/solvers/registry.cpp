#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/classical/tikhonov_cg.h"
#include "recon/solvers/classical/tv_pdhg.h"
#include "recon/solvers/classical/wiener.h"
#include "recon/solvers/posterior/ddnm.h"
#include "recon/solvers/posterior/ddrm.h"
#include "recon/solvers/posterior/diffpir.h"
#include "recon/solvers/posterior/dps.h"
#include "recon/solvers/posterior/pigdm.h"
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
      kind<Adjoint>("adjoint", "A^H y, scaled to the data: the zero-filled image; no iterations"),
      kind<Ddnm>("ddnm", "range from the data, null space from the prior (DDNM+), time travel; spectral operators"),
      kind<Ddrm>("ddrm", "diffusion in the operator's eigenbasis (DDRM): fast, no backward pass; spectral operators"),
      kind<DiffPir>("diffpir", "diffusion prior with a proximal data step: fast, no backward pass, linear operators"),
      kind<Dps>("dps", "diffusion posterior sampling: samples of the posterior, any differentiable operator"),
      kind<PiGdm>("pigdm", "pseudoinverse-guided diffusion, covariance found by itself: samples, linear operators"),
      kind<TikhonovCg>("tikhonov_cg", "least squares with a quadratic penalty, by conjugate gradients"),
      kind<TvPdhg>("tv_pdhg", "total variation with the discrepancy principle, by primal-dual hybrid gradients"),
      kind<Wiener>("wiener", "linear filter of least mean squared error for a stationary image"),
  };
  return kinds;
}

}  // namespace recon
