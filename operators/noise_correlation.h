#pragma once

#include "operators/operator.h"
#include "recon/core/noise.h"

namespace recon {

/// Covariance^power on measurements of such a kind, a Hermitian operator: with `power` 1/2 it makes the noise of white
/// noise of standard deviation 1, with -1/2 white noise of the noise. Between channels it is the power of the matrix,
/// of a spectrum F^H diag(P^power) F. `support` [broadcasts to the range] is where something is measured; undefined:
/// everywhere. Throws Error(usage) for a correlation that has a fault() here.
LinearOperatorPtr noise_filter(const NoiseCorrelation& noise, double power, const TensorSpec& range,
                               const at::Tensor& support = {});

/// W = std covariance^(-1/2) and the operator W A, of which the data W y have white noise of the standard deviation
/// `std`, noise.typical_std() (Pruessmann et al. 2001, eq. 14-17, with the Hermitian root, which leaves channels in
/// their places). Solvers, chi² and held-out data need nothing else to honour the correlation: ||W y - W A x||² / std²
/// is the residual under the inverse covariance. Unitary operators and a spectrum keep a spectral form.
struct Prewhitening {
  OperatorPtr op;
  LinearOperatorPtr filter;
  double std = 0;
};
/// Throws Error(usage) where the noise of what is measured is not told by that of complete data: a spectrum where
/// entries are missing, a covariance where entries are missing in some channels only.
Prewhitening prewhitening_of(const OperatorPtr& op, const NoiseCorrelation& noise);

}  // namespace recon
