#pragma once

#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// RED-diff (Mardani et al. 2023, "A variational perspective on solving inverse problems with diffusion models",
/// Algorithm 1): optimises an image mu by Adam (beta 0.9, 0.99), one denoising per step, no backward pass through the
/// network. At level t of relative noise r, falling, with x_t = alpha mu + sigma eps and the network's eps_theta:
///
///     g = A'(mu)^H (A(mu) - y) / noise_std²  +  w(t) (eps_theta(x_t) - eps),   the difference not differentiated
///
/// As r (eps_theta - eps) = mu - D(x_t), the second term is the gradient of w/(2 r) ||mu - D||²: mu goes to its own
/// denoised image.
///
/// `weight: auto` has no constant: w = r / mse(r), mse the denoiser's mean squared error (Prior::denoising_mse), so
/// that the term is the gradient of -log N(mu; D, mse(r)). For a Gaussian prior of variance l it is, in the mean over
/// eps, the gradient mu / l of -log p at every r, so its fixed point is the maximum of the posterior. `weight:
/// published` is w = lambda r / noise_std² (their omega_t = sigma_t / alpha_t with the data term ||y - A mu||²
/// unscaled, lambda 0.25), which knows nothing of the noise.
///
/// The learning rate falls linearly to 0 over the second half of the steps: a constant one leaves its own noise in the
/// image. It starts from zero. A point estimate near the posterior's mode, not a sampler; any operator with a vjp.
class RedDiff final : public Solver {
 public:
  enum class Weight { automatic, published };
  friend constexpr auto words_of(Weight) {
    using enum Weight;
    return std::to_array<Word<Weight>>({{automatic, "auto"}, {published, "published"}});
  }

  std::int64_t steps = 200;
  Weight weight = Weight::automatic;
  double lambda = 0.25;
  double learning_rate = 0.02;
  double start_relative_sigma = 10;
  Spacing spacing = Spacing::uniform_log_snr;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
