#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "priors/noise_schedule.h"
#include "priors/parameterization.h"

namespace recon {

/// Weight of the squared error at a noise level. With x_0 = a x_t + b out (the table of parameterization.h) an error of
/// the network's output by d is one of x_0 by b d, so that every weight of |x0 error|² is one of |out error|²:
///
/// | weighting     | loss                                                       | source                              |
/// |---------------|------------------------------------------------------------|-------------------------------------|
/// | simple        | |out - target|²                                            | Ho et al. 2020, eq. 14              |
/// | sigma_squared | sigma² |out - target|²; with score: denoising score        | Song et al. 2021, eq. 7,            |
/// |               | matching, which equals the noise loss                      | lambda = sigma²                     |
/// | snr           | (alpha²/sigma²) |x0 error|² = |noise error|²               | Salimans & Ho 2022, section 4       |
/// | min_snr       | min(alpha²/sigma², gamma) |x0 error|²                      | Hang et al. 2023, eq. 8             |
/// | edm           | (r² + sd²)/(r sd)² |x0 error|², sd = sigma_data            | Karras et al. 2022, section 5       |
enum class Weighting { simple, sigma_squared, snr, min_snr, edm };
constexpr auto words_of(Weighting) {
  using enum Weighting;
  return std::to_array<Word<Weighting>>(
      {{simple, "simple"}, {sigma_squared, "sigma_squared"}, {snr, "snr"}, {min_snr, "min_snr"}, {edm, "edm"}});
}

struct LossOptions {
  Prediction prediction = Prediction::epsilon;
  Weighting weighting = Weighting::simple;
  double gamma = 5;                   ///< min_snr
  double sigma_data = kEdmSigmaData;  ///< edm
};

/// What suits the prediction: sigma_squared for score, edm for edm, simple for all others.
Weighting usual_weighting(Prediction prediction);

/// The factor of |out - target|² at a level.
double loss_weight(const LossOptions& options, const NoiseLevel& level);

/// Mean over the batch of weight · mean squared error per pixel. out and target float32 `[B, ...]`; a scalar that
/// carries the graph.
at::Tensor weighted_loss(const at::Tensor& out, const at::Tensor& target, const std::vector<double>& weights);

}  // namespace recon
