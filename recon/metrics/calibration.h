#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "recon/metrics/sample_spread.h"

namespace recon {

/// How posterior samples compare with the truth, over all pixels of one image.
struct Calibration {
  std::int64_t independent = 0;  ///< samples, one of each pair
  std::vector<double> nominal;   ///< 0.5, 0.8, 0.9, 0.95
  std::vector<double> covered;   ///< share of the pixels whose truth lies in the interval of that level
  double crps = 0;               ///< in the units of the image
  std::vector<double> ranks;     ///< [independent + 1]: share of the pixels whose truth has 0, 1, ... of them below it
};

/// Calibration of `samples` [S >= 2, ...] against `truth` [...]; complex values count as two pixels each.
///
/// Intervals: Student's interval of a prediction (SampleSpread::half_width): for samples and truth drawn from one
/// Gaussian posterior it covers with exactly its level, for any S. Ranks: uniform for exact samples of ANY posterior,
/// as truth and samples are then exchangeable (Talts et al. 2018, simulation-based calibration; Hamill 2001); a U
/// shape: too small a std. Ties are split in the middle. CRPS: mean |x_i - truth| - 1/2 mean_{i != j} |x_i - x_j|, the
/// fair estimate (Ferro 2014, "Fair scores for ensemble forecasts", eq. 8), 0 at best; for one sample it would be the
/// mean absolute error. Ranks and CRPS take those for independent that are no pair; of a pair alone the CRPS supposes
/// normal mirror images.
///
/// Both statements hold on average over measurements. The pixels of one image are correlated: judge one image's figures
/// by the number of its independent parts, not of its pixels. Throws Error(internal) for other shapes.
Calibration calibrate(const at::Tensor& samples, const at::Tensor& truth, const SamplePairs& pairs);

struct CalibrationPoint {
  double nominal = 0, covered = 0;
};
/// The calibration curve by ranks, from (0, 0) to (1, 1): the interval between the j-th smallest and the j-th largest
/// of S samples has the nominal level (S + 1 - 2 j) / (S + 1). No assumption on the posterior.
std::vector<CalibrationPoint> calibration_curve(const Calibration& calibration);

}  // namespace recon
