#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/classical/alternating_projections.h"
#include "recon/solvers/classical/fbp.h"
#include "recon/solvers/classical/lsqr.h"
#include "recon/solvers/classical/richardson_lucy.h"
#include "recon/solvers/classical/tgv_pdhg.h"
#include "recon/solvers/classical/tikhonov_cg.h"
#include "recon/solvers/classical/tv_admm.h"
#include "recon/solvers/classical/tv_pdhg.h"
#include "recon/solvers/classical/wavelet_fista.h"
#include "recon/solvers/classical/wiener.h"
#include "recon/solvers/posterior/daps.h"
#include "recon/solvers/posterior/ddnm.h"
#include "recon/solvers/posterior/ddrm.h"
#include "recon/solvers/posterior/diffpir.h"
#include "recon/solvers/posterior/dps.h"
#include "recon/solvers/posterior/hard_consistency.h"
#include "recon/solvers/posterior/mcg.h"
#include "recon/solvers/posterior/pigdm.h"
#include "recon/solvers/posterior/plug_and_play.h"
#include "recon/solvers/posterior/pnp_dm.h"
#include "recon/solvers/posterior/posterior_langevin.h"
#include "recon/solvers/posterior/red_diff.h"
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
      kind<AlternatingProjections>("alternating_projections",
                                   "phase retrieval by RAAR, HIO or error reduction, with random restarts"),
      kind<Daps>("daps",
                 "decoupled annealing: denoise, draw from the data step, re-noise; no backward pass, any operator"),
      kind<Ddnm>("ddnm", "range from the data, null space from the prior (DDNM+), time travel; spectral operators"),
      kind<Ddrm>("ddrm", "diffusion in the operator's eigenbasis (DDRM): fast, no backward pass; spectral operators"),
      kind<DiffPir>("diffpir", "diffusion prior with a proximal data step: fast, no backward pass, linear operators"),
      kind<Dps>("dps", "diffusion posterior sampling: samples of the posterior, any differentiable operator"),
      kind<Fbp>("fbp", "filtered back-projection of tomography: no iterations; many views, little noise"),
      kind<HardConsistency>("hard_consistency",
                            "denoise, move until the data are explained up to their noise, re-noise; any operator"),
      kind<Lsqr>("lsqr", "least squares from zero, stopped where the data are explained"),
      kind<Mcg>("mcg", "projection onto noisy data, with manifold-constrained gradients or without: as published"),
      kind<PiGdm>("pigdm", "pseudoinverse-guided diffusion, covariance found by itself: samples, linear operators"),
      kind<PlugAndPlay>(
          "plug_and_play",
          "diffusion prior as the denoiser of a splitting (ADMM, HQS): one sharp image, linear operators"),
      kind<PnpDm>("pnp_dm",
                  "split Gibbs sampling of data and prior: exact in the limit, no backward pass, any operator"),
      kind<PosteriorLangevin>("posterior_langevin",
                              "annealed Langevin dynamics on the posterior: exact in the limit, no backward pass"),
      kind<RedDiff>("red_diff",
                    "optimises the image by Adam against a denoiser as its prior: a point estimate, any operator"),
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
