#pragma once

#include <ATen/core/Tensor.h>

#include "recon/solvers/context.h"

namespace recon {

/// How much a residual counts, per frequency of the data, where the operator knows its inverse filter F
/// (operators/inverse_filter.h: projections). There A A^H is close to F^-1, and its eigenvalues span a hundredfold, so
/// that the covariance of y - A D for an error of variance c per pixel is far from a multiple of the identity:
///
///     noise_std² I + c A A^H  ~  noise_std² + c F^-1  =  (noise_std² + c gain) W^-1
///     W = (noise_std² + c gain) F / (noise_std² F + c),   gain = ||A||_F² / m
///
/// W is 1 where noise rules and F, in units of its mean, where the image's error does. For other operators W is 1.
///
/// `r` real `[batch, range...]`; c >= 0; gain `[batch]`, float64. Returns W r, which is r itself where W is 1.
at::Tensor weighted_residual(SolverContext& context, const at::Tensor& r, double c, const at::Tensor& gain);

}  // namespace recon
