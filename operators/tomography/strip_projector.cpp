#include "operators/tomography/strip_projector.h"

#include <algorithm>
#include <cmath>

#include "operators/kernels/parallel_view.h"
#include "operators/tomography/projection.h"

namespace recon {
namespace {

std::vector<ParallelView> parallel_views(const ParallelBeam& beam) {
  const auto middle = [](std::int64_t n) { return 0.5 * static_cast<double>(n - 1); };
  std::vector<ParallelView> views;
  for (const double angle : beam.angles_rad) {
    const double wide = std::max(std::abs(std::cos(angle)), std::abs(std::sin(angle))) / beam.bin_px;
    const double narrow = std::min(std::abs(std::cos(angle)), std::abs(std::sin(angle))) / beam.bin_px;
    ParallelView view{};
    view.per_column = std::cos(angle) / beam.bin_px;
    view.per_row = -std::sin(angle) / beam.bin_px;
    view.origin = 0.5 * static_cast<double>(beam.bins) + beam.axis_offset_px / beam.bin_px -
                  middle(beam.width) * view.per_column - middle(beam.height) * view.per_row;
    view.flat = 0.5 * (wide - narrow);
    view.outer = 0.5 * (wide + narrow);
    view.top = 1 / wide;
    view.bend = narrow > 0 ? 0.5 / (wide * narrow) : 0;
    view.density = 1 / beam.bin_px;
    views.push_back(view);
  }
  return views;
}

}  // namespace

StripProjector::StripProjector(ParallelBeam beam)
    : beam_(std::move(beam)),
      views_(std::make_shared<Views<ParallelView>>(parallel_views(beam_),
                                                   ProjectionSize{beam_.height, beam_.width, beam_.bins})) {}

at::Tensor StripProjector::project(const at::Tensor& x) const { return views_->project(x); }

at::Tensor StripProjector::back_project(const at::Tensor& y) const { return views_->back_project(y); }

}  // namespace recon
