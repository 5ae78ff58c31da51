#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "recon/core/words.h"

namespace recon {

struct FanView;
/// The views of a projector: projection.h.
template <class View>
class Views;

/// How the bins of a fan's detector lie: side by side on a line, or at equal angles as seen from the source.
enum class FanDetector { flat, arc };
constexpr auto words_of(FanDetector) {
  using enum FanDetector;
  return std::to_array<Word<FanDetector>>({{flat, "flat"}, {arc, "arc"}});
}

/// Rays from a point through an image of square pixels with side 1; lengths are in pixels, axes as in ParallelBeam.
///
/// At angle a the source is at source_px (sin a, -cos a), below the image at angle 0, and the ray through the axis of
/// rotation runs along (-sin a, cos a). A point with t = x cos a + y sin a and the depth
/// d = source_px - x sin a + y cos a is seen at u = detector_px t / d on a flat detector, at detector_px atan(t / d) on
/// an arc (Kak & Slaney 1988, sections 3.4.1 and 3.4.2). Bin j sees the rays within bin_px of
/// u = (j - (bins - 1) / 2) bin_px - axis_offset_px. With a source far away and detector_px = source_px, u = t.
struct FanBeam {
  std::int64_t height = 0, width = 0;
  std::vector<double> angles_rad;
  std::int64_t bins = 0;
  double bin_px = 1;
  double axis_offset_px = 0;  ///< where the ray through the axis falls on the detector, from its middle
  double source_px = 0;       ///< from the source to the axis; more than half of the image's diagonal
  double detector_px = 0;     ///< from the source to the detector
  FanDetector detector = FanDetector::flat;
};

/// Line integrals averaged over each bin. The shadow of a pixel is taken as a trapezoid whose corners are the shadows
/// of the pixel's corners and whose height is the chord of the ray through its middle, 1 / max(|cos|, |sin|) of the
/// ray's angle (Long, Fessler & Balter 2010, IEEE Trans. Med. Imaging 29(11), the SF-TR footprint in two dimensions).
/// For parallel beams that is the exact shadow, which StripProjector has. projection.h says how the sums are done.
class FanProjector {
 public:
  explicit FanProjector(FanBeam beam);

  const FanBeam& beam() const { return beam_; }
  at::Tensor project(const at::Tensor& x) const;       ///< [..., height, width] -> [..., angles, bins]
  at::Tensor back_project(const at::Tensor& y) const;  ///< the transpose
  /// The transpose with each pixel in each view weighted by source_px over its distance from the source.
  at::Tensor back_project_by_distance(const at::Tensor& y) const;

 private:
  FanBeam beam_;
  std::shared_ptr<const Views<FanView>> views_, views_by_distance_;
};

}  // namespace recon
