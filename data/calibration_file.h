#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"

namespace recon {

/// A calibration in memory (data/FORMAT.md, written by `recon calibrate`): what one solver made of n images whose truth
/// is known, and what that promises for images measured and reconstructed in the same way.
struct CalibrationSet {
  /// Under which conditions it holds: "solver", "operator", "prior", ... and what they were.
  std::map<std::string, std::string> made_for;
  double noise_low = 0, noise_high = 0;  ///< levels of the images, per real component; 0: no noise, or of photons

  double miss = 0;             ///< tolerated: share of the pixels, and probability that a bound of quality is wrong
  double confidence = 0;       ///< with which intervals keep `miss`
  double interval_factor = 0;  ///< x ± interval_factor * std; NaN: these images show none
  double std_scale = 0;        ///< standard deviations times this cover 1 - miss of these images' pixels
  std::map<std::string, double> margins;  ///< "psnr", "ssim", "nrmse": what bounds keep from the samples' own quantile

  std::vector<std::string> ids;                        ///< of the images, [n]
  std::map<std::string, std::vector<double>> figures;  ///< per image: psnr, predicted_psnr, coverage_90, crps, nearer
  std::vector<double> factors;                         ///< of the curves, [F]
  at::Tensor misses;                                   ///< [n, F]: share of the pixels outside x ± factor * std
  at::Tensor ranks;  ///< [n, S + 1]: share of the pixels whose truth has 0, ..., S independent samples below it

  std::string config;  ///< the resolved config, YAML
  std::uint64_t seed = 0;
  std::map<std::string, std::string> versions;
};

/// Atomic.
void write_calibration_file(const std::string& path, const CalibrationSet& set);

/// What was written. Error(data) for anything else than a calibration of this version.
CalibrationSet read_calibration_file(const std::string& path, const hdf5::ReadLimits& limits = {});

}  // namespace recon
