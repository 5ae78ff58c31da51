#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "priors/schedule_kinds.h"
#include "priors/spacing.h"

namespace recon {

/// dx/dt = xt_weight x_t + x0_weight D along the probability-flow ODE, D = E[x_0 | x_t].
struct ProbabilityFlow {
  double xt_weight, x0_weight;
};

/// A noise process: maps its own time t to (alpha, sigma) and back. A value type.
///
/// Tabulated schedules count t in timesteps 0..T-1, all others in [0, 1] with t = 0 clean.
class NoiseSchedule {
 public:
  using Kind = ScheduleKind;
  explicit NoiseSchedule(Kind kind);  ///< throws Error(data) for parameters out of range

  /// The DDPM families as discrete tables over `timesteps`, computed in double precision.
  static NoiseSchedule vp_linear(std::int64_t timesteps = 1000, double beta_start = 1e-4, double beta_end = 0.02);
  static NoiseSchedule vp_scaled_linear(std::int64_t timesteps = 1000, double beta_start = 0.00085,
                                        double beta_end = 0.012);
  static NoiseSchedule vp_cosine(std::int64_t timesteps = 1000);  ///< squaredcos_cap_v2, beta clipped at 0.999
  /// alpha_bar = (f(end) - f(start + t (end - start))) / (f(end) - f(start)) with f(x) = 1 / (1 + exp(-x / tau)), t
  /// from 0 to 1, beta clipped at 0.999 (Jabri et al. 2022, algorithm 5); as denoising-diffusion-pytorch has it.
  static NoiseSchedule vp_sigmoid(std::int64_t timesteps = 1000, double start = -3, double end = 3, double tau = 1);
  /// beta a sigmoid of the timestep from -6 to 6, between its ends; `sigmoid` of diffusers, `sigmoid_beta` of MONAI.
  static NoiseSchedule vp_sigmoid_beta(std::int64_t timesteps = 1000, double beta_start = 1e-4, double beta_end = 0.02);
  static NoiseSchedule from_betas(std::string name, const std::vector<double>& betas);

  std::string name() const;
  const Kind& kind() const { return kind_; }

  NoiseLevel at(double t) const;  ///< throws Error(internal) outside [min_time, max_time]
  /// The SDE with these levels as marginals, see SdeCoefficients. Tables: of the interpolation between entries, per
  /// timestep, so that g² of one timestep integrates to -log(1 - beta). Throws Error(internal) outside
  /// [min_time, max_time] and where alpha = 0 makes it infinite (flow at t = 1).
  SdeCoefficients sde(double t) const;
  /// The ODE with the same marginals, dx/dt = f x - g²/2 score, written with the denoiser D instead of the score:
  ///
  ///     dx/dt = (d log sigma/dt) x_t - alpha (d log r/dt) D        (Karras et al. 2022, eq. 4 and Tweedie)
  ///
  /// Throws Error(internal) like sde(t), and at sigma = 0.
  ProbabilityFlow probability_flow(double t) const;
  double time_of(double relative_sigma) const;  ///< inverse of at(t).relative_sigma(); clamped to the ends
  double min_time() const;                      ///< -1 for tables (clean), 0 otherwise
  double max_time() const;
  double max_relative_sigma() const;  ///< at max_time (flow, continuous cosine: at t = 0.999)
  double min_relative_sigma() const;  ///< entry 0 of a table, sigma_min, or the level at t = 0.001

  /// n levels of decreasing noise, from `from_relative_sigma` (0 and anything noisier: the noisiest) to the cleanest
  /// nonzero one, both kept; n = 1 gives the first only. The final clean level (sigma = 0) is not included. Equal steps
  /// of a table's time are rounded to whole timesteps, where its network was trained, as long as there are enough of
  /// them (n <= T). Throws Error(usage) for n < 1 and for a start that is not above the cleanest level.
  ///
  /// Spacings leading, trailing and linspace instead give the timesteps of table_timesteps(), which need not keep the
  /// ends, of a table that ends at the start: its T counts the timesteps that are not noisier. From the noisiest level
  /// that is diffusers to the letter. `steps_offset` is theirs, of leading. Throws Error(usage) on other schedules, and
  /// what table_timesteps() throws.
  std::vector<NoiseLevel> steps(std::int64_t n, Spacing spacing, double from_relative_sigma = 0,
                                std::int64_t steps_offset = 0) const;

 private:
  std::vector<NoiseLevel> table_steps(std::int64_t n, Spacing spacing, double start, std::int64_t steps_offset) const;

  Kind kind_;
};

}  // namespace recon
