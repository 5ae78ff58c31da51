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
/// `weight` says how much noisy data weigh:
///
/// - published: lambda_i = min(1, std / (a n_i)), and the fresh noise of coefficient i has the variance
///   std² - (a lambda_i n_i)², so that it and the noise of the data make up that of the step. The noise of the data is
///   the same in every step, though, and adds up, the more the shorter the steps. With eta = 0 it ignores noisy data.
/// - auto: lambda_i = r² / (r² + n_i²), r = sigma_t / alpha_t, the noise of the step unchanged: data and x_t weighed by
///   their precisions, the proximal step of DiffPIR. No step length enters.
///
/// Both are 1 for noise-free data, which are then met exactly.
///
/// Time travel: a stretch of `travel_length` steps is sampled `travel_repeats` times, its start noised again from its
/// end, wherever that many levels lie above. It brings null space and range to agree: the more of the image is missing,
/// the more it takes. The network passes are some steps · travel_repeats.
///
/// A sampler with a bias, because D knows of the data by x_t only: recon/docs/derivations.md and
/// recon/docs/measurements.md have its size.
class Ddnm final : public Solver {
 public:
  enum class Weight { automatic, published };
  friend constexpr auto words_of(Weight) {
    using enum Weight;
    return std::to_array<Word<Weight>>({{automatic, "auto"}, {published, "published"}});
  }

  std::int64_t steps = 25;
  Weight weight = Weight::automatic;
  double eta = 1;
  std::int64_t travel_length = 1;
  std::int64_t travel_repeats = 4;
  Spacing spacing = Spacing::uniform_log_snr;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
