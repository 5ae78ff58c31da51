#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace recon {

/// Where on the forward process x_t = alpha x_0 + sigma eps one is.
struct NoiseLevel {
  double alpha = 1;
  double sigma = 0;

  double relative_sigma() const { return sigma / alpha; }  ///< EDM's sigma
  double alpha_bar() const { return alpha * alpha; }
  double snr() const { return alpha * alpha / (sigma * sigma); }
};

/// alpha_bar per integer timestep 0..T-1 (DDPM and its kin; Ho et al. 2020), variance preserving. Between entries the
/// logarithm of the relative sigma is interpolated linearly; below entry 0 the level falls linearly in t to sigma = 0
/// at t = -1 (the clean image).
struct TabulatedSchedule {
  std::string name;               ///< "vp_linear", "vp_scaled_linear", "vp_cosine", "tabulated"
  std::vector<double> alpha_bar;  ///< strictly decreasing, in (0, 1)
};
/// Continuous VP: log alpha = -t²(b1-b0)/4 - t b0/2 on t in [0, 1] (Song et al. 2021, eq. 33 ff.).
struct VpContinuousSchedule {
  double beta_min = 0.1, beta_max = 20;
};
/// Continuous cosine: alpha = cos((t+s)/(1+s) pi/2) / cos(s/(1+s) pi/2) on [0, 1) (Nichol & Dhariwal 2021, eq. 17).
struct CosineContinuousSchedule {
  double offset = 0.008;
};
/// alpha = 1, sigma = sigma_min (sigma_max/sigma_min)^t (Song & Ermon 2019).
struct VeGeometricSchedule {
  double sigma_min = 0.01, sigma_max = 50;
};
/// alpha = 1, sigma = (smax^(1/rho) + (1-t)(smin^(1/rho) - smax^(1/rho)))^rho, t = 1 at sigma_max (Karras et al. 2022,
/// eq. 5).
struct EdmRhoSchedule {
  double sigma_min = 0.002, sigma_max = 80, rho = 7;
};
/// alpha = 1 - t, sigma = t (Lipman et al. 2022).
struct FlowSchedule {};

/// How n steps are placed between the noisiest and the cleanest level.
enum class Spacing {
  uniform_t,        ///< equal steps of the schedule's own time, both ends kept
  quadratic_t,      ///< square of equal steps: denser at low noise
  uniform_log_snr,  ///< equal steps of log relative sigma
  karras            ///< rho = 7 in relative sigma (Karras et al. 2022, eq. 5)
};
std::string to_string(Spacing spacing);
Spacing spacing_from(const std::string& text);  ///< throws Error(usage) naming the known ones

/// A noise process: maps its own time t to (alpha, sigma) and back. A value type.
///
/// Tabulated schedules count t in timesteps 0..T-1, all others in [0, 1] with t = 0 clean.
class NoiseSchedule {
 public:
  using Kind = std::variant<TabulatedSchedule, VpContinuousSchedule, CosineContinuousSchedule, VeGeometricSchedule,
                            EdmRhoSchedule, FlowSchedule>;
  explicit NoiseSchedule(Kind kind);  ///< throws Error(data) for parameters out of range

  /// The DDPM families as discrete tables over `timesteps`, computed in double precision.
  static NoiseSchedule vp_linear(std::int64_t timesteps = 1000, double beta_start = 1e-4, double beta_end = 0.02);
  static NoiseSchedule vp_scaled_linear(std::int64_t timesteps = 1000, double beta_start = 0.00085,
                                        double beta_end = 0.012);
  static NoiseSchedule vp_cosine(std::int64_t timesteps = 1000);  ///< squaredcos_cap_v2, beta clipped at 0.999
  static NoiseSchedule from_betas(std::string name, const std::vector<double>& betas);

  std::string name() const;
  const Kind& kind() const { return kind_; }

  NoiseLevel at(double t) const;                ///< throws Error(internal) outside [min_time, max_time]
  double time_of(double relative_sigma) const;  ///< inverse of at(t).relative_sigma(); clamped to the ends
  double min_time() const;                      ///< -1 for tables (clean), 0 otherwise
  double max_time() const;
  double max_relative_sigma() const;  ///< at max_time (flow, continuous cosine: at t = 0.999)
  double min_relative_sigma() const;  ///< entry 0 of a table, sigma_min, or the level at t = 0.001

  /// n levels of decreasing noise, from `from_relative_sigma` (0 and anything noisier: the noisiest) to the cleanest
  /// nonzero one, both kept; n = 1 gives the first only. The final clean level (sigma = 0) is not included. Equal steps
  /// of a table's time are rounded to whole timesteps, where its network was trained, as long as there are enough of
  /// them (n <= T). Throws Error(usage) for n < 1 and for a start that is not above the cleanest level.
  std::vector<NoiseLevel> steps(std::int64_t n, Spacing spacing, double from_relative_sigma = 0) const;

 private:
  Kind kind_;
};

}  // namespace recon
