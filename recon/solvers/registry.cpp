#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/classical/lsqr.h"
#include "recon/solvers/classical/plug_and_play.h"
#include "recon/solvers/classical/richardson_lucy.h"
#include "recon/solvers/classical/tgv_pdhg.h"
#include "recon/solvers/classical/tikhonov_cg.h"
#include "recon/solvers/classical/tv_admm.h"
#include "recon/solvers/classical/tv_pdhg.h"
#include "recon/solvers/classical/wavelet_fista.h"
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
      kind<Adjoint>("adjoint", "A^H y, scaled to the data: the zero-filled image; no iterations"),
      kind<DiffPir>("diffpir", "diffusion prior with a proximal data step: fast, no backward pass, linear operators"),
      kind<Dps>("dps", "diffusion posterior sampling: samples of the posterior, any differentiable operator"),
      kind<Lsqr>("lsqr", "least squares from zero, stopped where the data are explained"),
      kind<PlugAndPlay>(
          "plug_and_play",
          "diffusion prior as the denoiser of a splitting (ADMM, HQS): one sharp image, linear operators"),
      kind<RichardsonLucy>("richardson_lucy", "photon counts: maximum likelihood with total variation, x >= 0"),
      kind<TgvPdhg>("tgv_pdhg", "total generalised variation: piecewise affine images, no staircases"),
      kind<TikhonovCg>("tikhonov_cg", "least squares with a quadratic penalty, by conjugate gradients"),
      kind<TvAdmm>("tv_admm", "total variation by splitting: few, costly iterations"),
      kind<TvPdhg>("tv_pdhg", "total variation with the discrepancy principle, by primal-dual hybrid gradients"),
      kind<WaveletFista>("wavelet_fista", "sparse wavelet coefficients, by accelerated proximal gradients"),
      kind<Wiener>("wiener", "linear filter of least mean squared error for a stationary image"),
  };
  return kinds;
}

}  // namespace recon
