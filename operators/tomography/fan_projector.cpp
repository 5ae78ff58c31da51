#include "operators/tomography/fan_projector.h"

#include <cmath>

#include "operators/kernels/fan_view.h"
#include "operators/tomography/projection.h"

namespace recon {
namespace {

std::vector<FanView> fan_views(const FanBeam& beam) {
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
                     .arc = beam.detector == FanDetector::arc ? 1. : 0.});
  }
  return views;
}

}  // namespace

FanProjector::FanProjector(FanBeam beam)
    : beam_(std::move(beam)),
      views_(
          std::make_shared<Views<FanView>>(fan_views(beam_), ProjectionSize{beam_.height, beam_.width, beam_.bins})) {}

<<<<<<< HEAD
template <class Visit>
void FanProjector::View::for_each_bin(std::int64_t row, std::int64_t column, std::int64_t bins, Visit visit) const {
  const auto [t, d] = place(row, column);
  const double along = 0.5 * (cosine + sine), across = 0.5 * (cosine - sine);
  Trapezoid shadow{{bin_at(t + along, d + across), bin_at(t - along, d - across), bin_at(t + across, d - along),
                    bin_at(t - across, d + along)}};
  std::sort(shadow.corner.begin(), shadow.corner.end());
  const double first = shadow.corner.front(), last = shadow.corner.back();
  const auto count = static_cast<double>(bins);
  if (last <= 0 || first >= count) return;
  const double ray_x = t * cosine - d * sine, ray_y = t * sine + d * cosine;
  const double chord = std::hypot(ray_x, ray_y) / std::max(std::abs(ray_x), std::abs(ray_y));
  const auto begin = static_cast<std::int64_t>(std::max(first, 0.0));
  const auto end = static_cast<std::int64_t>(std::min(last, count - 1)) + 1;
  double before = shadow.area_up_to(static_cast<double>(begin));
  for (std::int64_t j = begin; j < end; ++j) {
    const double after = shadow.area_up_to(static_cast<double>(j + 1));
    visit(j, (after - before) * chord);
    before = after;
  }
}

template <class Visit>
void FanProjector::NearerView::for_each_bin(std::int64_t row, std::int64_t column, std::int64_t bins,
                                            Visit visit) const {
  const auto [t, d] = view.place(row, column);
  const double nearer = view.source / std::hypot(t, d);
  view.for_each_bin(row, column, bins, [&](std::int64_t j, double weight) { visit(j, weight * nearer); });
}

at::Tensor FanProjector::project(const at::Tensor& x) const {
  return project_by(views_, {beam_.height, beam_.width, beam_.bins}, x);
}

at::Tensor FanProjector::back_project(const at::Tensor& y) const {
  return back_project_by(views_, {beam_.height, beam_.width, beam_.bins}, y);
}
=======
at::Tensor FanProjector::project(const at::Tensor& x) const { return views_->project(x); }

at::Tensor FanProjector::back_project(const at::Tensor& y) const { return views_->back_project(y); }
>>>>>>> dca71a4d2cbc3d00a373d4f8d1426922056589fc

at::Tensor FanProjector::back_project_by_distance(const at::Tensor& y) const {
  std::vector<NearerView> nearer;
  for (const View& view : views_) nearer.push_back({view});
  return back_project_by(nearer, {beam_.height, beam_.width, beam_.bins}, y);
}

}  // namespace recon
