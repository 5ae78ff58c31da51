#pragma once

#include "priors/samplers/sampler.h"

namespace recon {

/// Ancestral sampling (Ho et al. 2020, "Denoising diffusion probabilistic models", Algorithm 2), between any two levels
/// t -> s of any process. With D = E[x_0 | x_t] and rho = r_s² / r_t², r = sigma / alpha:
///
///     x_s = alpha_s (1 - rho) D + (alpha_s rho / alpha_t) x_t + std z,   z ~ N(0, I)
///
/// whose first two terms are the mean of q(x_s | x_t, D) (their eq. 7). `variance` says what std is:
///
/// - fixed_small: std² = beta_tilde = sigma_s² (1 - rho), exact where the data are one point
/// - fixed_large: std² = beta = sigma_t² (1 - rho), exact where the data are white with variance 1
/// - learned_range: log std² = v log beta + (1 - v) log beta_tilde, v the network's (Nichol & Dhariwal 2021, eq. 15)
///
/// beta is the forward variance of the step, 1 - alpha_t²/alpha_s² on a variance-preserving process. A sub-sequence of
/// the training's timesteps is a choice of levels (Nichol & Dhariwal 2021, section 4). The last step ends on D. One
/// network pass per step.
class Ddpm final : public Sampler {
 public:
  enum class Variance { fixed_small, fixed_large, learned_range };
  friend constexpr auto words_of(Variance) {
    using enum Variance;
    return std::to_array<Word<Variance>>(
        {{fixed_small, "fixed_small"}, {fixed_large, "fixed_large"}, {learned_range, "learned_range"}});
  }

  Variance variance = Variance::fixed_small;

  Ddpm();
  std::int64_t nfe() const override { return steps; }
  const char* nfe_formula() const override { return "steps"; }
  bool needs_learned_variance() const override { return variance == Variance::learned_range; }

 private:
  void visit_own(ParameterVisitor& options) override;
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
  /// The noise of the step, of the chosen variance.
  at::Tensor scaled_noise(const at::Tensor& z, const NoiseLevel& from, const NoiseLevel& to,
                          const at::Tensor& variance_fraction) const;
};

}  // namespace recon
