#pragma once

#include <cstdint>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// DDNM+ (Wang et al. 2023, "Zero-shot image restoration using denoising diffusion null-space model", the noisy variant
/// with its time travel): the data replace the range-space part of the denoised image, the prior fills the null space.
/// Linear operators with a closed form of A^H A; no backward pass.
///
/// In the eigenbasis of A^H A, singular values s_i, coefficient i of the data, y_i / s_i, has noise of std n_i =
/// noise_std / s_i. A step x_s = a x_0 + b x_t + std z (reverse_transition with `eta`) takes
///
///     x_0,i = D_i + lambda_i (y_i / s_i - D_i),   D = E[x_0 | x_t]; unmeasured coefficients keep D_i
///
/// `weight` says how far noisy data are trusted:
///     published   lambda_i = min(1, std / (a n_i)), the noise of coefficient i reduced to sqrt(std² - (a lambda_i
///     n_i)²):
///                 fresh noise and that of the data have the variance of the step. But the data's noise is the same in
///                 every step and adds up, the more the shorter the steps: blurred images come out 20 posterior
///                 standard errors off. With eta = 0 it ignores noisy data.
///     auto        lambda_i = r² / (r² + n_i²), r = sigma_t / alpha_t, the noise of the step unchanged: the data
///     weighed
///                 against the noise of x_t by their precisions, the proximal step of DiffPIR. chi² is right for every
///                 operator, and no step length enters.
/// Both are 1 for noise-free data, which are then met exactly.
///
/// Time travel: a stretch of `travel_length` steps is walked `travel_repeats` times, its start noised again from its
/// end, wherever that many levels lie above. It brings null space and range to agree: the more of the image is missing,
/// the more it takes. Without it, 70 % missing pixels come out 3 posterior standard errors off (1.6 with four repeats).
/// The network passes are some steps · travel_repeats.
///
/// A sampler with a bias, because D knows of the data by x_t only: README.md has its size.
class Ddnm final : public Solver {
 public:
  std::int64_t steps = 25;
  std::string weight = "auto";
  double eta = 1;
  std::int64_t travel_length = 1;
  std::int64_t travel_repeats = 4;
  std::string spacing = "uniform_log_snr";

  void visit(ParameterVisitor& options) override;
  bool needs_prior() const override { return true; }
  bool is_sampler() const override { return true; }

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
