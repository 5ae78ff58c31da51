#pragma once

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

/// The SDE whose marginals are a process's levels: dx = f(t) x dt + g(t) dw, in the schedule's own unit of time.
///
///     f = d log alpha / dt,   g² = d sigma² / dt - 2 f sigma² = 2 sigma² d log r / dt
///
/// Song et al. 2021, "Score-based generative modeling through SDEs", sec. 3; in this form Karras et al. 2022, app. B.
struct SdeCoefficients {
  double f = 0, g_squared = 0;
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

using ScheduleKind = std::variant<TabulatedSchedule, VpContinuousSchedule, CosineContinuousSchedule,
                                  VeGeometricSchedule, EdmRhoSchedule, FlowSchedule>;

/// The formulas of each kind, unchecked: t within the kind's times, r >= 0. NoiseSchedule is what to call.
NoiseLevel level_at(const ScheduleKind& kind, double t);
/// Not clamped to the kind's times, except to a table's last entry.
double time_at(const ScheduleKind& kind, double relative_sigma);
/// Analytic. Tables: of the interpolation between entries, the side toward more noise at an entry (at the last, the
/// other). Infinite where alpha = 0.
SdeCoefficients sde_at(const ScheduleKind& kind, double t);
/// Throws Error(data) naming the schedule and what it expects of its parameters.
void check_parameters(const ScheduleKind& kind);

}  // namespace recon
