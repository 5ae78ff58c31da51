#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "recon/core/parameters.h"
#include "recon/solvers/context.h"

namespace recon {

/// Where alternating projections end on magnitudes (Operator::magnitude()), one run of them, within the prior's range.
at::Tensor image_of_magnitudes(SolverContext& context);
/// Noise, in half ranges of the prior, that keeps what is right of it.
inline constexpr double kMagnitudesKept = 0.3;

/// Where sampling begins, as options of the solvers that take one: `start` and `start_relative_sigma`.
///
/// `start: noise` begins at the prior's noisiest level with nothing but noise. The others are warm starts (Chung et al.
/// 2022, "Come-closer-diffuse-faster"): x_t = alpha_t x + sigma_t z with an image x, at a level r_t at which the noise
/// hides its error. It is `start_relative_sigma`, never more than the noisiest level; by default:
///
/// `start: data`, x = an image that the data alone give:
///   * linear operators: x = the Tikhonov image (data_step.h), r = 8 times the standard deviation of the prior's images
///     (the root of Prior::denoising_mse at the noisiest level; half the range where the prior states none), which is
///     the error of x where the data say nothing;
///   * magnitudes (Operator::magnitude()): x = alternating projections, one run per sample, r = 0.3 half ranges, since
///     noise that hides more loses the right solution again (from a slice found at 32 dB, r = 0.3 keeps 28 dB, 1 keeps
///     25, 2 keeps 23).
///
/// `start: previous`, x = where the item before it in a series ended, sample by sample, r = 4 times what has changed as
/// the data see it, e² = max(||y - A x||² / m, noise_std²) / g², the largest of the samples; g² is the share that A
/// leaves of a change like those of films, x moved by a pixel: (||A x' - A x||² / m) / (||x' - x||² / n). The first
/// item of a series begins at noise.
struct Start {
  enum class From { noise, data, previous };
  friend constexpr auto words_of(From) {
    using enum From;
    return std::to_array<Word<From>>({{noise, "noise"}, {data, "data"}, {previous, "previous"}});
  }

  std::optional<From> from = From::noise;  ///< none (auto): what suits the solver; then noise
  std::optional<double> relative_sigma;

  void visit(ParameterVisitor& options);

  /// The relative sigma to begin at.
  double level(SolverContext& context) const;
  /// x_t there, with z standard normal. Throws Error(usage) for `data` where the operator offers no such image,
  /// for `noise` where the prior's noise does not hide its images, and for `previous` where the item is of no series.
  at::Tensor image(SolverContext& context, const NoiseLevel& level, const at::Tensor& z) const;
};

}  // namespace recon
