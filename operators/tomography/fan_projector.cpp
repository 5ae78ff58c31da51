#include "operators/tomography/fan_projector.h"

#include <algorithm>

#include "operators/tomography/projection.h"

namespace recon {
namespace {

/// A trapezoid of height 1 by its corners in ascending order.
struct Trapezoid {
  std::array<double, 4> corner;

  /// Its integral up to s.
  double area_up_to(double s) const {
    const auto& [a, b, c, d] = corner;
    const double rise = std::clamp(s, a, b) - a, flat = std::clamp(s, b, c) - b, fall = std::clamp(s, c, d) - c;
    double area = flat;
    if (b > a) area += rise * rise / (2 * (b - a));
    if (d > c) area += fall - fall * fall / (2 * (d - c));
    return area;
  }
};

}  // namespace

FanProjector::FanProjector(FanBeam beam) : beam_(std::move(beam)) {
  for (const double angle : beam_.angles_rad) {
    views_.push_back({.cosine = std::cos(angle),
                      .sine = std::sin(angle),
                      .left = -0.5 * static_cast<double>(beam_.width - 1),
                      .top = 0.5 * static_cast<double>(beam_.height - 1),
                      .source = beam_.source_px,
                      .detector = beam_.detector_px,
                      .bin = beam_.bin_px,
                      .zero = 0.5 * static_cast<double>(beam_.bins) + beam_.axis_offset_px / beam_.bin_px,
                      .arc = beam_.detector == FanDetector::arc});
  }
}

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

at::Tensor FanProjector::back_project_by_distance(const at::Tensor& y) const {
  std::vector<NearerView> nearer;
  for (const View& view : views_) nearer.push_back({view});
  return back_project_by(nearer, {beam_.height, beam_.width, beam_.bins}, y);
}

}  // namespace recon
