#include "operators/tomography/strip_projector.h"

#include <algorithm>
#include <cmath>

#include "operators/tomography/projection.h"

namespace recon {

StripProjector::StripProjector(ParallelBeam beam) : beam_(std::move(beam)) {
  const auto middle = [](std::int64_t n) { return 0.5 * static_cast<double>(n - 1); };
  for (const double angle : beam_.angles_rad) {
    const double wide = std::max(std::abs(std::cos(angle)), std::abs(std::sin(angle))) / beam_.bin_px;
    const double narrow = std::min(std::abs(std::cos(angle)), std::abs(std::sin(angle))) / beam_.bin_px;
    View view{};
    view.per_column = std::cos(angle) / beam_.bin_px;
    view.per_row = -std::sin(angle) / beam_.bin_px;
    view.origin = 0.5 * static_cast<double>(beam_.bins) + beam_.axis_offset_px / beam_.bin_px -
                  middle(beam_.width) * view.per_column - middle(beam_.height) * view.per_row;
    view.flat = 0.5 * (wide - narrow);
    view.outer = 0.5 * (wide + narrow);
    view.top = 1 / wide;
    view.bend = narrow > 0 ? 0.5 / (wide * narrow) : 0;
    view.density = 1 / beam_.bin_px;
    views_.push_back(view);
  }
}

/// Integral of the trapezoid of area 1 up to s, without branches: one half plus the part between 0 and |s|.
double StripProjector::View::shadow_up_to(double s) const {
  const double r = std::abs(s);
  const double flank = std::clamp(outer - r, 0.0, outer - flat);
  const double beyond = flank * flank * bend + std::max(flat - r, 0.0) * top;
  return 0.5 + std::copysign(0.5 - beyond, s);
}

template <class Visit>
void StripProjector::View::for_each_bin(std::int64_t row, std::int64_t column, std::int64_t bins, Visit visit) const {
  const double t = origin + static_cast<double>(row) * per_row + static_cast<double>(column) * per_column;
  const double last = static_cast<double>(bins - 1);
  if (t + outer <= 0 || t - outer >= last + 1) return;
  // Truncation is floor for numbers that are not negative, and no call of a function.
  const auto begin = static_cast<std::int64_t>(std::max(t - outer, 0.0));
  const auto end = static_cast<std::int64_t>(std::min(t + outer, last)) + 1;
  double before = shadow_up_to(static_cast<double>(begin) - t);
  for (std::int64_t j = begin; j < end; ++j) {
    const double after = shadow_up_to(static_cast<double>(j + 1) - t);
    visit(j, (after - before) * density);
    before = after;
  }
}

at::Tensor StripProjector::project(const at::Tensor& x) const {
  return project_by(views_, {beam_.height, beam_.width, beam_.bins}, x);
}

at::Tensor StripProjector::back_project(const at::Tensor& y) const {
  return back_project_by(views_, {beam_.height, beam_.width, beam_.bins}, y);
}

}  // namespace recon
