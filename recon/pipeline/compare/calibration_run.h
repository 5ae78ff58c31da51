#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/calibration_file.h"
#include "recon/core/run_controls.h"
#include "recon/metrics/expected_coverage.h"
#include "recon/pipeline/compare/calibration_plan.h"

namespace recon {

/// What `recon calibrate` found.
struct CalibrationResult {
  CalibrationSet set;
  std::int64_t samples = 0;
  std::optional<ExpectedCoverage> images;  ///< TARP, of two images and more
  std::vector<double> nominal, covered;    ///< of pixels, by ranks: calibration_curve() of the mean ranks
  std::size_t failed = 0;                  ///< items that could not be solved
  bool interrupted = false;                ///< fewer images than asked for
  bool saved = false;
};

/// Reconstructs images whose truth is known, draws the plan's samples of each, and works out what that promises for
/// others like them (recon/metrics/risk_control.h, expected_coverage.h). Writes the plan's files.
///
/// On cancellation the images that are done make the calibration: what they promise does not depend on when one stops.
/// Throws Error(usage) for a solver that draws no samples, for one sample, for too few images to promise anything and
/// for operators that measure magnitudes, whose images are known up to shifts and turns only; Error(data) for items
/// without truth.
CalibrationResult run_calibration(const CalibrationPlan& plan, const RunControls& controls);

}  // namespace recon
