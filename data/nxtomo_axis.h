#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

// Private to data: where the rotation axis of a scan of parallel beams is.
namespace recon {

/// Views half a turn apart are mirror images of each other about the axis.
class MirrorFit {
 public:
  /// Sinograms [rows, views, bins] and their standard deviations (infinite where nothing was measured), angles of
  /// views.
  MirrorFit(const at::Tensor& sinograms, const at::Tensor& std, const std::vector<double>& angles_deg);

  /// How much opposite views differ about an axis at `offset` pixels from the middle: their squared difference over
  /// their energy, where both see; from 0, and about 1 for what has nothing in common. 1 without such views.
  double misfit(double offset) const;
  /// The offset within a quarter of the detector that fits best; none without opposite views, or where it does not fit
  /// much better than others.
  std::optional<double> best() const;

 private:
  at::Tensor values_, seen_;  ///< [rows, views, bins], float64; 1 where it was measured
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs_;
};

}  // namespace recon
