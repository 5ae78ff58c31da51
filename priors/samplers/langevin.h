#pragma once

#include "priors/samplers/sampler.h"

namespace recon {

/// Langevin steps at one noise level, x <- x + tau score + sqrt(2 tau) z: their stationary law is p_t up to O(tau).
///
/// `annealed_langevin` (Song & Ermon 2019, "Generative modeling by estimating gradients of the data distribution",
/// Algorithm 1; their step alpha_i = 2 tau): at each level `inner_steps` Langevin steps of tau = step_size sigma_t²,
/// then on to the next with x/alpha kept (on their process alpha = 1). It ends on D of the last x, without noise
/// (Jolicoeur-Martineau et al. 2020). What it draws lags behind the falling noise: for N(0, std²) the variance at level
/// r is too large by the factor 1 + L (1 + step_size/2) + (step_size/2) r²/(std² + r²), where L = (step in log r) /
/// (inner_steps step_size), to first order in both.
class AnnealedLangevin final : public Sampler {
 public:
  std::int64_t inner_steps = 10;
  double step_size = 0.2;

  AnnealedLangevin();
  std::int64_t nfe() const override { return steps * inner_steps + 1; }
  const char* nfe_formula() const override { return "steps * inner_steps + 1"; }

 private:
  void visit_own(ParameterVisitor& options) override;
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
};

/// `predictor_corrector` (Song et al. 2021, "Score-based generative modeling", Algorithms 2 to 5), on x/alpha, where
/// their VE form holds for every process. With D = E[x_0 | x_t] and rho = r_s²/r_t²:
///
///     predictor reverse_diffusion   x'/alpha' = x/alpha + (1 - rho) (D - x/alpha) + sqrt(r_t² - r_s²) z
///     predictor ancestral           the same with the noise sqrt(rho (r_t² - r_s²)) z
///     corrector                     at the new level, `inner_steps` Langevin steps of tau = 2 (snr ||z|| / ||score||)²
///
/// with one norm per entry (the published code takes the batch's mean, which couples the images). `corrector_scale:
/// sigma` puts sigma for ||z||/||score||, its value where noise dominates: needed for images of a few pixels, where the
/// ratio of the norms has no finite mean. A Langevin step heats: along a direction of variance V of x_t the
/// standard deviation comes out too large by up to the share tau / (4 V), a few percent for snr 0.16 in the narrowest
/// directions. The last step ends on D, without a corrector.
class PredictorCorrector final : public Sampler {
 public:
  enum class Predictor { reverse_diffusion, ancestral };
  friend constexpr auto words_of(Predictor) {
    using enum Predictor;
    return std::to_array<Word<Predictor>>({{reverse_diffusion, "reverse_diffusion"}, {ancestral, "ancestral"}});
  }
  enum class Scale { norms, sigma };
  friend constexpr auto words_of(Scale) {
    using enum Scale;
    return std::to_array<Word<Scale>>({{norms, "norms"}, {sigma, "sigma"}});
  }

  Predictor predictor = Predictor::reverse_diffusion;
  std::int64_t inner_steps = 1;
  double snr = 0.16;
  Scale corrector_scale = Scale::norms;

  PredictorCorrector();
  std::int64_t nfe() const override { return steps + inner_steps * (steps - 1); }
  const char* nfe_formula() const override { return "steps + inner_steps * (steps - 1)"; }

 private:
  void visit_own(ParameterVisitor& options) override;
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
  at::Tensor corrected(const ReverseProcess& reverse, std::size_t i, at::Tensor x) const;
};

}  // namespace recon
