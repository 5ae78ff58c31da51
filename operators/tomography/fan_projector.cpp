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

std::shared_ptr<const Views<FanView>> made_of(const FanBeam& beam, std::vector<FanView> views) {
  return std::make_shared<Views<FanView>>(std::move(views), ProjectionSize{beam.height, beam.width, beam.bins});
}

}  // namespace

FanProjector::FanProjector(FanBeam beam)
    : beam_(std::move(beam)),
      views_(made_of(beam_, fan_views(beam_))),
      views_by_distance_(made_of(beam_, fan_views(beam_, true))) {}

at::Tensor FanProjector::project(const at::Tensor& x) const { return views_->project(x); }

at::Tensor FanProjector::back_project(const at::Tensor& y) const { return views_->back_project(y); }

at::Tensor FanProjector::back_project_by_distance(const at::Tensor& y) const {
  return views_by_distance_->back_project(y);
}

}  // namespace recon
