#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "recon/core/parameters.h"
#include "recon/solvers/context.h"

namespace recon {

/// Where sampling begins, as options of the solvers that take one.
///
/// `start: noise` begins at the prior's noisiest level with nothing but noise. `start: data` is a warm start (Chung et
/// al. 2022, "Come-closer-diffuse-faster"): x_t = alpha_t x + sigma_t z with an image x that the data alone give, at a
/// level r_t at which the noise hides its error:
///
///     linear operators          x = the Tikhonov image (data_step.h)
///     magnitudes (Operator::magnitude())   x = alternating projections, one run per sample
///
/// The level is `start_relative_sigma`, by default for linear operators 8 times the standard deviation of the prior's
/// images (the root of Prior::denoising_mse at the noisiest level; half the range where the prior states none), which
/// is the error of x where the data say nothing; for magnitudes 0.3 half ranges, since noise that hides more loses the
/// right solution again (from a slice found at 32 dB, r = 0.3 keeps 28 dB, 1 keeps 25, 2 keeps 23). Never more than the
/// noisiest level. The options are `start` and `start_relative_sigma`.
struct Start {
  enum class From { noise, data };
  friend constexpr auto words_of(From) {
    using enum From;
    return std::to_array<Word<From>>({{noise, "noise"}, {data, "data"}});
  }

  From from = From::noise;
  std::optional<double> relative_sigma;

  void visit(ParameterVisitor& options);

  /// The relative sigma to begin at.
  double level(const SolverContext& context) const;
  /// x_t there, with z standard normal. Throws Error(usage) for `data` where the operator offers no such image,
  /// and for `noise` where the prior's noise does not hide its images.
  at::Tensor image(SolverContext& context, const NoiseLevel& level, const at::Tensor& z) const;
};

}  // namespace recon
