#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "operators/operator.h"
#include "priors/linear_measurement.h"

namespace recon {

/// Data `[batch, range...]` as priors know them. `ops`: one for all entries, or one of a kind for each; `noise_std`
/// `[batch]`, > 0. The mean given a Gaussian is by conjugate gradients, f(A^H A) by the spectral form; asked for that,
/// an operator without one throws UnsuitableOperator.
LinearMeasurement linear_measurement(const std::vector<LinearOperatorPtr>& ops, const at::Tensor& y,
                                     const std::vector<double>& noise_std);

}  // namespace recon
