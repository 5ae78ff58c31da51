#include "operators/tomography/radon.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "operators/inverse_filter.h"
#include "operators/masks.h"
#include "operators/tomography/ramp_filter.h"
#include "operators/tomography/view_weights.h"
#include "recon/core/error.h"
#include "recon/core/log_once.h"

namespace recon {
namespace {

constexpr double pi = std::numbers::pi;

class Radon final : public LinearOperator, public FilteredInverse {
 public:
  Radon(const TensorSpec& image, const ParallelBeam& beam, const ViewWeights& views)
      : LinearOperator(fmt::format("radon({} angles over {:.4g} degrees, {} bins)", beam.angles_rad.size(),
                                   views.covered_rad * 180 / pi, beam.bins),
                       image, {{image.shape[0], std::ssize(beam.angles_rad), beam.bins}, ScalarKind::real}),
        projector_(beam),
        views_(views) {}

  DataFilter inverse_filter(const FrequencyWindow& window) const override {
    return filter_by([&](double f, double filter, double) { return window(f, filter); });
  }
  BackProjection filtered_back_projection(const ViewWindow& window) const override {
    const DataFilter filter = filter_by([&](double f, double, double angle) { return window(f, angle); });
    return [filter, projector = projector_](const at::Tensor& y) { return projector.back_project(filter(y)); };
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return projector_.project(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return projector_.back_project(y); }

  /// The ramp of every view times `gain(frequency, filter, angle)`.
  template <class Gain>
  DataFilter filter_by(Gain gain) const {
    // Powers of bin_px: -2 of the ramp, 1 of its convolution, 1 for A^H to become an interpolation. None is left.
    return filter_of_views(at::real(at::fft_rfft(sampled_ramp(2 * range().shape[2]))).clone(), views_.weight_rad, gain);
  }

  StripProjector projector_;
  ViewWeights views_;
};

struct RadonOptions {
  std::int64_t angles = 60;
  double range_deg = 180, first_deg = 0;
  at::Tensor angle_list_deg, angle_list_rad;
  std::int64_t bins = 0;
  double bin_px = 1, axis_offset_px = 0, source_px = 0, detector_px = 0;
  FanDetector detector = FanDetector::flat;

  void visit(ParameterVisitor& v) {
    v.field("angles", angles, "views, equally spaced", {.min = 1, .max = 1 << 20});
    v.field("range_deg", range_deg, "from the first view to where the next turn would begin; a fan takes 360",
            {.min = 0, .open_min = true});
    v.field("first_deg", first_deg, "angle of the first view, anticlockwise; at 0 rays run along the columns");
    v.array("angle_list_deg", angle_list_deg, "the views' angles, in place of the three above");
    v.array("angle_list_rad", angle_list_rad, "the same in radians");
    v.field("bins", bins, "detector bins; 0: as many as see the whole image", {.min = 0, .max = 1 << 20});
    v.field("bin_px", bin_px, "width of a bin in pixels of the image", {.min = 0, .max = 1e6, .open_min = true});
    v.field("axis_offset_px", axis_offset_px, "where the rotation axis falls on the detector, from its middle");
    v.field("source_px", source_px, "fan beam: from the source to the rotation axis; 0: parallel beams", {.min = 0});
    v.field("detector_px", detector_px, "fan beam: from the source to the detector; 0: as source_px", {.min = 0});
    v.choice("detector", detector, "fan beam: bins on a line, or at equal angles around the source");
  }

  /// Where the farthest corner of the image can fall on the detector, from its middle.
  double reach(const TensorSpec& image) const {
    const double corner = std::hypot(static_cast<double>(image.shape[1]), static_cast<double>(image.shape[2])) / 2;
    if (source_px == 0) return corner;
    const double half_angle = std::asin(std::min(1.0, corner / source_px));
    return distance_px() * (detector == FanDetector::arc ? half_angle : std::tan(half_angle));
  }
  double distance_px() const { return detector_px > 0 ? detector_px : source_px; }

  std::vector<double> angles_rad(const std::string& location) const {
    std::vector<double> result;
    if (angle_list_rad.defined()) {
      if (angle_list_deg.defined() || angle_list_rad.dim() != 1 || angle_list_rad.numel() == 0 ||
          angle_list_rad.is_complex()) {
        throw usage_error(location, "angle_list_rad: expected a list of angles and no angle_list_deg, got an array {}",
                          to_string(shape_of(angle_list_rad)));
      }
      const at::Tensor list = angle_list_rad.to(at::kCPU, at::kDouble).contiguous();
      return {list.const_data_ptr<double>(), list.const_data_ptr<double>() + list.numel()};
    }
    if (!angle_list_deg.defined()) {
      for (std::int64_t k = 0; k < angles; ++k) {
        result.push_back((first_deg + range_deg * static_cast<double>(k) / static_cast<double>(angles)) * pi / 180);
      }
      return result;
    }
    if (angle_list_deg.dim() != 1 || angle_list_deg.numel() == 0 || angle_list_deg.is_complex()) {
      throw usage_error(location, "angle_list_deg: expected a list of angles, got an array {}",
                        to_string(shape_of(angle_list_deg)));
    }
    const at::Tensor list = angle_list_deg.to(at::kCPU, at::kDouble).contiguous();
    const double span = list.max().item<double>() - list.min().item<double>();
    if (list.numel() >= 16 && span > 1.5 && span < 2 * pi + 1e-3) {
      log::warn_once(
          fmt::format("{}: angle_list_deg spans {:.4g} degrees in {} views; if they are radians, multiply "
                      "use angle_list_rad",
                      location, span, list.numel()));
    }
    for (std::int64_t k = 0; k < list.numel(); ++k) result.push_back(list.const_data_ptr<double>()[k] * pi / 180);
    return result;
  }
};

OperatorPtr radon_from(const RadonOptions& options, const TensorSpec& image, const std::string& location) {
  require_image(image, location);
  const auto height = image.shape[1], width = image.shape[2];
  if (options.source_px == 0 && (options.detector_px > 0 || options.detector == FanDetector::arc)) {
    throw usage_error(location, "detector_px and detector are those of a fan beam; state source_px, too");
  }
  ParallelBeam beam{.height = height,
                    .width = width,
                    .angles_rad = options.angles_rad(location),
                    .bins = options.bins,
                    .bin_px = options.bin_px,
                    .axis_offset_px = options.axis_offset_px};
  if (beam.bins == 0) {
    const double width_px = 2 * (options.reach(image) + std::abs(beam.axis_offset_px));
    if (width_px / beam.bin_px > 1 << 20) {
      throw usage_error(location, "the image's shadow is {:.4g} bins wide; the source is too near, or bin_px too small",
                        width_px / beam.bin_px);
    }
    beam.bins = static_cast<std::int64_t>(std::ceil(width_px / beam.bin_px));
  }
  if (options.source_px == 0) return make_radon(image, beam);
  return make_fan_beam(image, {.height = height,
                               .width = width,
                               .angles_rad = beam.angles_rad,
                               .bins = beam.bins,
                               .bin_px = beam.bin_px,
                               .axis_offset_px = beam.axis_offset_px,
                               .source_px = options.source_px,
                               .detector_px = options.distance_px(),
                               .detector = options.detector});
}

}  // namespace

LinearOperatorPtr make_radon(const TensorSpec& image, const ParallelBeam& beam) {
  if (image.shape.size() != 3 || image.scalar != ScalarKind::real) {
    throw usage_error("radon", "expected a real image [channels, height, width], got {}", image.to_string());
  }
  return std::make_shared<Radon>(image, beam, view_weights(beam.angles_rad));
}

OperatorKind radon_kind() {
  return OperatorKind::of<RadonOptions>(
      {.name = "radon",
       .summary = "tomography: line integrals at many angles, parallel or in a fan, averaged over detector bins",
       // Few views: with 7 of 16 x 16 pixels eigenvalues of 1e-9 of the largest begin, too near to 0 for the law of
       // the pseudo-inverse.
       .examples = {R"({"type": "radon", "angles": 5})",
                    R"({"type": "radon", "angles": 4, "range_deg": 90, "first_deg": 20, "bin_px": 1.7, "bins": 9})",
                    R"({"type": "radon", "angle_list_deg": [0, 45, 90, 100], "bins": 11, "axis_offset_px": 1.3})",
                    R"({"type": "radon", "angles": 3, "range_deg": 360, "source_px": 40, "detector_px": 60})",
                    R"({"type": "radon", "angle_list_rad": [0, 1, 2.5], "source_px": 30, "detector": "arc", "bins": 9,
                        "axis_offset_px": 0.7})"}},
      radon_from);
}

}  // namespace recon
