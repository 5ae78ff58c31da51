#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace recon {

struct ParallelView;
/// The views of a projector: projection.h.
template <class View>
class Views;

/// Parallel rays through an image of square pixels with side 1; lengths are in pixels.
///
/// x points right, y up, the origin is the middle of the image. The ray at angle a and distance t is the line
/// x cos a + y sin a = t (Kak & Slaney 1988, eq. 3.3): at angle 0 rays run along the columns, and detector bins count
/// from left to right. Bin j sees the strip of width bin_px around t = (j - (bins - 1) / 2) bin_px - axis_offset_px.
struct ParallelBeam {
  std::int64_t height = 0, width = 0;
  std::vector<double> angles_rad;
  std::int64_t bins = 0;
  double bin_px = 1;
  double axis_offset_px = 0;  ///< where the rotation axis falls on the detector, from its middle
};

/// Line integrals averaged over each bin's strip, exact for an image that is constant within each pixel:
///
///   y[angle, j] = sum_p x_p W(j, p),   W = (area of pixel p within the strip of bin j) / bin_px
///
/// (strip weights; Kak & Slaney 1988, section 7.1). The shadow of a pixel is a trapezoid, the convolution of boxes of
/// widths |cos a| and |sin a|, so W is a difference of its closed-form integral. No mass is lost: sum_j W bin_px = 1.
///
/// The weights are computed on the way and never stored; projection.h says how the sums are done.
class StripProjector {
 public:
  explicit StripProjector(ParallelBeam beam);

  const ParallelBeam& beam() const { return beam_; }
  at::Tensor project(const at::Tensor& x) const;       ///< [..., height, width] -> [..., angles, bins]
  at::Tensor back_project(const at::Tensor& y) const;  ///< the transpose

 private:
  ParallelBeam beam_;
  std::shared_ptr<const Views<ParallelView>> views_;
};

}  // namespace recon
