#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "priors/noise_schedule.h"

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

std::string to_string(Prediction kind);
Prediction prediction_from(const std::string& text);  ///< throws Error(usage) naming the known ones

/// Karras et al. 2022, table 1, at relative sigma r.
struct EdmCoefficients {
  double c_skip, c_out, c_in, c_noise;
};
EdmCoefficients edm_coefficients(double relative_sigma, double sigma_data = 0.5);

/// The one conversion table. Differentiable. Throws Error(internal) at sigma = 0 where the formula divides by it.
at::Tensor to_x0(Prediction kind, const at::Tensor& out, const at::Tensor& x_t, const NoiseLevel& level);
at::Tensor from_x0(Prediction kind, const at::Tensor& x0, const at::Tensor& x_t, const NoiseLevel& level);

}  // namespace recon
