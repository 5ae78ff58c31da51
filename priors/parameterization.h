#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "priors/noise_schedule.h"
#include "recon/core/words.h"

namespace recon {

/// What a network predicts. With x_t = alpha x_0 + sigma eps:
///
/// | kind            | out                       | x_0 from out                                  |
/// |-----------------|---------------------------|-----------------------------------------------|
/// | epsilon         | eps                       | (x_t - sigma out) / alpha                     |
/// | score           | grad log p_t = -eps/sigma | (x_t + sigma² out) / alpha   (Tweedie)        |
/// | x0              | x_0                       | out                                           |
/// | v               | alpha eps - sigma x_0     | (alpha x_t - sigma out) / (alpha² + sigma²)   |
/// | flow_to_noise   | eps - x_0 = dx_t/dt       | (x_t - sigma out) / (alpha + sigma)           |
/// | flow_to_data    | x_0 - eps                 | (x_t + sigma out) / (alpha + sigma)           |
/// | edm             | raw F of Karras et al.    | c_skip x + c_out F,  x = x_t / alpha          |
///
/// Sources: Ho et al. 2020; Song et al. 2021; Salimans & Ho 2022 (v); Lipman et al. 2022; Karras et al. 2022 eq. 7.
enum class Prediction { epsilon, score, x0, v, flow_to_noise, flow_to_data, edm };

constexpr auto words_of(Prediction) {
  using enum Prediction;
  return std::to_array<Word<Prediction>>({{epsilon, "epsilon"},
                                          {score, "score"},
                                          {x0, "x0"},
                                          {v, "v"},
                                          {flow_to_noise, "flow_to_noise"},
                                          {flow_to_data, "flow_to_data"},
                                          {edm, "edm"}});
}

/// Standard deviation of the data that EDM's networks are scaled for, unless their card says otherwise.
inline constexpr double kEdmSigmaData = 0.5;

/// Karras et al. 2022, table 1, at relative sigma r.
struct EdmCoefficients {
  double c_skip, c_out, c_in, c_noise;
};
EdmCoefficients edm_coefficients(double relative_sigma, double sigma_data = kEdmSigmaData);

/// One row of the table above as the identity  x0 x_0 = xt x_t + out out,  from which either side follows.
/// x0 = 0: at this level the output says nothing about x_0; out = 0: x_0 says nothing about the output.
struct Conversion {
  double x0, xt, out;
};
/// `sigma_data` matters for edm only, here and below.
Conversion conversion(Prediction kind, const NoiseLevel& level, double sigma_data = kEdmSigmaData);

/// The one conversion table, on images `[batch, ...]`. Differentiable. Throws Error(internal) where the weight that is
/// divided by is 0: to_x0 of epsilon and score at alpha = 0, from_x0 of everything but x0 at sigma = 0.
at::Tensor to_x0(Prediction kind, const at::Tensor& out, const at::Tensor& x_t, const NoiseLevel& level,
                 double sigma_data = kEdmSigmaData);
at::Tensor from_x0(Prediction kind, const at::Tensor& x0, const at::Tensor& x_t, const NoiseLevel& level,
                   double sigma_data = kEdmSigmaData);

/// The same with a level for each item of the batch, as in training. Throws Error(internal) for another number of them.
at::Tensor to_x0(Prediction kind, const at::Tensor& out, const at::Tensor& x_t, const std::vector<NoiseLevel>& levels,
                 double sigma_data = kEdmSigmaData);
at::Tensor from_x0(Prediction kind, const at::Tensor& x0, const at::Tensor& x_t, const std::vector<NoiseLevel>& levels,
                   double sigma_data = kEdmSigmaData);

}  // namespace recon
