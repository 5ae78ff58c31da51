#include "operators/tomography/fan_projector.h"

#include <cmath>

#include "operators/kernels/fan_view.h"
#include "operators/tomography/projection.h"

namespace recon {
namespace {

std::vector<FanView> fan_views(const FanBeam& beam, bool by_distance = false) {
  std::vector<FanView> views;
  for (const double angle : beam.angles_rad) {
    views.push_back({.cosine = std::cos(angle),
                     .sine = std::sin(angle),
                     .left = -0.5 * static_cast<double>(beam.width - 1),
                     .top = 0.5 * static_cast<double>(beam.height - 1),
                     .source = beam.source_px,
                     .detector = beam.detector_px,
                     .bin = beam.bin_px,
                     .zero = 0.5 * static_cast<double>(beam.bins) + beam.axis_offset_px / beam.bin_px,
                     .arc = beam.detector == FanDetector::arc ? 1. : 0.,
                     .by_distance = by_distance ? 1. : 0.});
  }
  return views;
}

}  // namespace

FanProjector::FanProjector(FanBeam beam)
    : beam_(std::move(beam)),
      views_(
          std::make_shared<Views<FanView>>(fan_views(beam_), ProjectionSize{beam_.height, beam_.width, beam_.bins})) {}

at::Tensor FanProjector::project(const at::Tensor& x) const { return views_->project(x); }

at::Tensor FanProjector::back_project(const at::Tensor& y) const { return views_->back_project(y); }

at::Tensor FanProjector::back_project_by_distance(const at::Tensor& y) const {
  return Views<FanView>(fan_views(beam_, true), {beam_.height, beam_.width, beam_.bins}).back_project(y);
}

}  // namespace recon
