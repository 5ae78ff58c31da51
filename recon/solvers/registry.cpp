#include "recon/solvers/registry.h"

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
#include "recon/solvers/posterior/diffusion_mbir.h"
#include "recon/solvers/posterior/diffusion_raar.h"
#include "recon/solvers/posterior/dps.h"
#include "recon/solvers/posterior/exact_posterior.h"
#include "recon/solvers/posterior/hard_consistency.h"
#include "recon/solvers/posterior/jfps.h"
#include "recon/solvers/posterior/mcg.h"
#include "recon/solvers/posterior/pigdm.h"
#include "recon/solvers/posterior/plug_and_play.h"
#include "recon/solvers/posterior/pnp_dm.h"
#include "recon/solvers/posterior/posterior_denoiser.h"
#include "recon/solvers/posterior/posterior_langevin.h"
#include "recon/solvers/posterior/red_diff.h"
#include "recon/solvers/posterior/tds.h"

namespace recon {
namespace {

constexpr SolverTraits kPoint{.claim = Claim::point};
constexpr SolverTraits kLinearPoint{.claim = Claim::point, .linear_only = true};
constexpr SolverTraits kLinearLook{.claim = Claim::none, .linear_only = true};
constexpr SolverTraits kPriorPoint{.claim = Claim::point, .needs_prior = true};
constexpr SolverTraits kLinearMean{.claim = Claim::mean, .needs_prior = true, .linear_only = true};
constexpr SolverTraits kSampledMean{.claim = Claim::mean, .samples = true, .needs_prior = true};
constexpr SolverTraits kSamples{.claim = Claim::samples, .samples = true, .needs_prior = true};
constexpr SolverTraits kLinearSamples{
    .claim = Claim::samples, .samples = true, .needs_prior = true, .linear_only = true};
constexpr SolverTraits kLinearForComparison{
    .claim = Claim::none, .samples = true, .needs_prior = true, .linear_only = true};

}  // namespace

Registry<SolverKind>& mutable_solver_kinds() {
  static Registry<SolverKind> kinds(
      "solver",
      {
          solver_kind<Adjoint>("adjoint", "A^H y, scaled to the data: the zero-filled image; no iterations",
                               kLinearLook),
          solver_kind<AlternatingProjections>("alternating_projections",
                                              "phase retrieval by RAAR, HIO or error reduction, with random restarts",
                                              kPoint),
          solver_kind<Daps>(
              "daps", "decoupled annealing: denoise, draw from the data step, re-noise; no backward pass, any operator",
              kSamples),
          solver_kind<Ddnm>("ddnm",
                            "range from the data, null space from the prior (DDNM+), time travel; spectral operators",
                            kLinearSamples),
          solver_kind<Ddrm>("ddrm",
                            "diffusion in the operator's eigenbasis (DDRM): fast, no backward pass; spectral operators",
                            kLinearSamples),
          solver_kind<DiffPir>("diffpir",
                               "diffusion prior with a proximal data step: fast, no backward pass, linear operators",
                               kLinearMean),
          solver_kind<DiffusionMbir>("diffusion_mbir",
                                     "volumes: a prior on the slices, total variation between them; linear operators",
                                     kLinearMean),
          solver_kind<DiffusionRaar>(
              "diffusion_raar",
              "phase retrieval: a diffusion prior around RAAR, with random restarts; no backward "
              "pass",
              kPriorPoint),
          solver_kind<Dps>("dps", "diffusion posterior sampling: samples of the posterior, any differentiable operator",
                           kSamples),
          solver_kind<ExactPosterior>(
              "exact_posterior", "draws from the exact posterior of a prior made of images: the truth to compare with",
              kSamples),
          solver_kind<Fbp>("fbp", "filtered back-projection of tomography: no iterations; many views, little noise",
                           kLinearLook),
          solver_kind<HardConsistency>(
              "hard_consistency",
              "denoise, move until the data are explained up to their noise, re-noise; any operator", kSampledMean),
          solver_kind<Jfps>(
              "jfps", "samples without a backward pass, by the power spectrum of the prior's images; any operator",
              kSamples),
          solver_kind<Lsqr>("lsqr", "least squares from zero, stopped where the data are explained", kLinearPoint),
          solver_kind<Mcg>("mcg",
                           "projection onto noisy data, with manifold-constrained gradients or without: as published",
                           kLinearForComparison),
          solver_kind<PiGdm>("pigdm",
                             "pseudoinverse-guided diffusion, covariance found by itself: samples, linear operators",
                             kLinearSamples),
          solver_kind<PlugAndPlay>(
              "plug_and_play",
              "diffusion prior as the denoiser of a splitting (ADMM, HQS): one sharp image, linear operators",
              kLinearMean),
          solver_kind<PnpDm>(
              "pnp_dm", "split Gibbs sampling of data and prior: exact in the limit, no backward pass, any operator",
              kSamples),
          solver_kind<PosteriorDenoiser>(
              "posterior_denoiser",
              "samples by a denoiser that was trained for the operator: 20 passes, no backward pass, linear operators",
              kLinearSamples),
          solver_kind<PosteriorLangevin>(
              "posterior_langevin", "annealed Langevin dynamics on the posterior: exact in the limit, no backward pass",
              kSamples),
          solver_kind<RedDiff>(
              "red_diff", "optimises the image by Adam against a denoiser as its prior: a point estimate, any operator",
              kPriorPoint),
          solver_kind<RichardsonLucy>("richardson_lucy",
                                      "photon counts: maximum likelihood with total variation, x >= 0", kLinearPoint),
          solver_kind<Tds>("tds",
                           "twisted diffusion sampler: weighted walks, exact with many of them; linear operators",
                           kLinearSamples),
          solver_kind<TgvPdhg>("tgv_pdhg", "total generalised variation: piecewise affine images, no staircases",
                               kLinearPoint),
          solver_kind<TikhonovCg>("tikhonov_cg", "least squares with a quadratic penalty, by conjugate gradients",
                                  kLinearPoint),
          solver_kind<TvAdmm>("tv_admm", "total variation by splitting: few, costly iterations", kLinearPoint),
          solver_kind<TvPdhg>("tv_pdhg",
                              "total variation with the discrepancy principle, by primal-dual hybrid gradients",
                              kLinearPoint),
          solver_kind<WaveletFista>("wavelet_fista", "sparse wavelet coefficients, by accelerated proximal gradients",
                                    kLinearPoint),
          solver_kind<Wiener>("wiener", "linear filter of least mean squared error for a stationary image",
                              kLinearPoint),
      });
  return kinds;
}

const Registry<SolverKind>& solver_kinds() { return mutable_solver_kinds(); }

}  // namespace recon
