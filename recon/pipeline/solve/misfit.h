#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <string>

#include "recon/pipeline/items/item_source.h"

namespace recon {

/// How an image explains the data.
struct Fit {
  /// sum |y - A x|² / v over what the same sum is to be for the true image. v is the noise variance; of photon counts
  /// that of the expected counts A(x), so that an image of nothing does not explain what was counted. NaN: the noise
  /// level is unknown.
  double chi2 = NAN;
  double chi2_error = NAN;   ///< standard deviation of the true image's chi²: sqrt(2/m) for Gaussian noise
  double unexplained = NAN;  ///< ||y - A x||² / ||y||² on what was measured; NaN for data of nothing
  at::Tensor chi2_map;       ///< [range...] on the CPU: its mean over what is measured is chi²; undefined as chi²
};
/// `x` [1, C, H, W] in the units of the file.
Fit fit_of(const at::Tensor& x, const PreparedItem& item);

/// Words for a chi² above 1.5 (and five of its errors): the exact posterior has chi² <= 1 for its mean and about 1 for
/// a sample, solvers are biased by some tenths. Beyond, the noise level or the operator is wrong, or the solver failed.
/// Without a noise level: when more than a hundredth of the data's energy is left over. Empty otherwise: also where
/// the rest is rounding (1e-10 of the energy). Below 1 chi² says nothing: any operator can fit noise.
std::string residual_warning(const Fit& fit);

/// Whether the data contradict the image, far beyond a solver's bias: chi² above 4 (and five of its errors), residuals
/// more than twice as large as noise makes them; without a noise level, more than a 25th of the energy left over. For a
/// direct method (Solver::fits_data() false): when the image leaves over half of the energy, too. A result of which
/// this is so has the status "misfit".
bool is_misfit(const Fit& fit, bool fits_data);
inline constexpr const char* misfit_status = "misfit";

/// Words for pixels that were not measured and came out black (at the image range's low end) between measured ones that
/// are not: the solver leaves them alone. Empty for operators that do not measure pixels.
std::string holes_warning(const at::Tensor& x, const PreparedItem& item);

}  // namespace recon
