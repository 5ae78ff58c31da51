#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "operators/tomography/radon.h"
#include "operators/tomography/ramp_filter.h"
#include "operators/tomography/view_weights.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr double half_circle = std::numbers::pi;

/// The angle of the ray that a bin sees, from that through the axis.
double ray_angle(const FanBeam& beam, std::int64_t bin) {
  const double u =
      (static_cast<double>(bin) - 0.5 * static_cast<double>(beam.bins - 1)) * beam.bin_px - beam.axis_offset_px;
  return beam.detector == FanDetector::arc ? u / beam.detector_px : std::atan(u / beam.detector_px);
}

/// How much a ray counts that another view sees from its other end: one half where the views go all around, else by
/// Parker 1982 (Med. Phys. 9(2), eq. 12) with the fan's angle as Silver 2000 (Med. Phys. 27(4)) widens it, `delta` half
/// of what the views cover beyond a half turn. The ray at the angle `fan` in the view `turn` after the first is the one
/// at -fan in the view pi - 2 fan later; both weights sum to 1.
double share_of_ray(double turn, double fan, double delta) {
  const auto rising = [](double part) { return std::pow(std::sin(half_circle / 4 * part), 2); };
  if (turn < 2 * (delta + fan)) return rising(turn / (delta + fan));
  if (turn > half_circle + 2 * fan) return rising((half_circle + 2 * delta - turn) / (delta - fan));
  return 1;
}

class FanRadon final : public LinearOperator, public FilteredInverse {
 public:
  FanRadon(const TensorSpec& image, const FanBeam& beam)
      : LinearOperator(fmt::format("radon({} views of a fan, {} bins)", beam.angles_rad.size(), beam.bins), image,
                       {{image.shape[0], std::ssize(beam.angles_rad), beam.bins}, ScalarKind::real}),
        projector_(beam) {}

  /// None: what A^H back-projects is weighted by the distance from the source, so that A^H F is not the inverse.
  DataFilter inverse_filter(const FrequencyWindow& /*window*/) const override { return {}; }

  /// Kak & Slaney 1988, section 3.4: each ray times the cosine of its angle and its share, the ramp (of equal angles
  /// with (a / sin a)²), and back-projection weighted by 1 / L² of the pixel's distance L from the source on an arc, by
  /// 1 / d² of its depth d on a flat detector. A pixel's shadow under A^H is L / d² or 1 / L wide, so that in both
  /// cases 1 / L is left.
  BackProjection filtered_back_projection(const ViewWindow& window) const override {
    const FanBeam& beam = projector_.beam();
    const ViewWeights views = view_weights_of_fan(beam.angles_rad);
    const double corner = std::hypot(static_cast<double>(beam.height), static_cast<double>(beam.width)) / 2;
    const double delta = (views.covered_rad - half_circle) / 2;
    constexpr double rounding = 1e-9;
    if (!views.closed && delta + rounding < std::asin(corner / beam.source_px)) return {};  // rays seen by no view
    const at::Tensor shares = at::empty({std::ssize(beam.angles_rad), beam.bins}, at::kDouble);
    auto* share = shares.data_ptr<double>();
    for (const double angle : beam.angles_rad) {
      const double after = angle - views.first_rad,
                   turn = after - 2 * half_circle * std::floor(after / 2 / half_circle);
      for (std::int64_t j = 0; j < beam.bins; ++j) {
        const double fan = ray_angle(beam, j);
        *share++ = std::cos(fan) * (views.closed ? 0.5 : share_of_ray(turn, fan, delta));
      }
    }
    const DataFilter filter =
        filter_of_views(ramp(), views.weight_rad, [&](double f, double, double angle) { return window(f, angle); });
    return [filter, before = DeviceConstant(shares), projector = projector_](const at::Tensor& y) {
      return projector.back_project_by_distance(filter(y * before.like(y)));
    };
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return projector_.project(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return projector_.back_project(y); }

  /// The transform of the ramp over twice the bins.
  at::Tensor ramp() const {
    const FanBeam& beam = projector_.beam();
    const std::int64_t length = 2 * beam.bins;
    const at::Tensor kernel = sampled_ramp(length);
    if (beam.detector == FanDetector::arc) {
      auto* h = kernel.data_ptr<double>();
      for (std::int64_t n = 1; n < length; ++n) {
        constexpr double widest = 3;  // beyond half a circle no two rays meet the image
        const double apart =
            std::min(static_cast<double>(std::min(n, length - n)) * beam.bin_px / beam.detector_px, widest);
        h[n] *= std::pow(apart / std::sin(apart), 2);
      }
    }
    return at::real(at::fft_rfft(kernel)).clone();
  }

  FanProjector projector_;
};

}  // namespace

LinearOperatorPtr make_fan_beam(const TensorSpec& image, const FanBeam& beam) {
  if (image.shape.size() != 3 || image.scalar != ScalarKind::real) {
    throw usage_error("radon", "expected a real image [channels, height, width], got {}", image.to_string());
  }
  const double corner = std::hypot(static_cast<double>(beam.height), static_cast<double>(beam.width)) / 2;
  if (!(beam.source_px > corner) || !(beam.detector_px > 0)) {
    throw usage_error("radon",
                      "a fan's source goes around the image: expected source_px > {:.4g}, half of the diagonal, got "
                      "{:.4g}",
                      corner, beam.source_px);
  }
  return std::make_shared<FanRadon>(image, beam);
}

}  // namespace recon
