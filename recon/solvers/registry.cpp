#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/classical/tikhonov_cg.h"
#include "recon/solvers/classical/tv_pdhg.h"
#include "recon/solvers/classical/wiener.h"
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
      kind<Adjoint>("adjoint", "the adjoint image, zero-filled and scaled to fit: what the measurement looks like"),
      kind<DiffPir>("diffpir", "diffusion prior with a proximal data step: fast, no backward pass, linear operators"),
      kind<Dps>("dps", "diffusion posterior sampling: samples of the posterior, any differentiable operator"),
      kind<TikhonovCg>("tikhonov_cg",
                       "smoothest image that explains the data, by conjugate gradients, linear operators"),
      kind<TvPdhg>("tv_pdhg", "least total variation that explains the data: edges stay sharp, linear operators"),
      kind<Wiener>("wiener", "Wiener filter with a 1/f² signal: closed form, circular blur and Fourier samples"),
  };
  return kinds;
}

}  // namespace recon
