#include "operators/mri/trajectory.h"

#include <ATen/ATen.h>

#include "operators/masks.h"
#include "recon/core/error.h"
#include "recon/core/log_once.h"

namespace recon {
namespace {

/// Polar coordinates [n], radius 1/2 at the edge, as positions [n, 2] on the grid.
at::Tensor from_polar(const at::Tensor& radius, const at::Tensor& angle, const TensorSpec& image) {
  const auto height = static_cast<double>(image.shape[1]), width = static_cast<double>(image.shape[2]);
  return at::stack({radius * at::sin(angle) * height, radius * at::cos(angle) * width}, -1).reshape({-1, 2});
}

at::Tensor radial_spokes(const Trajectory& options, std::int64_t readout, const TensorSpec& image) {
  const double step =
      options.golden_angle ? M_PI * (std::sqrt(5.0) - 1) / 2 : M_PI / static_cast<double>(options.spokes);
  const at::Tensor angle = (at::arange(options.spokes, at::kDouble) * step).unsqueeze(1).expand({-1, readout});
  const at::Tensor index = at::arange(readout, at::kDouble) - static_cast<double>(readout / 2);
  return from_polar((index / static_cast<double>(readout)).expand_as(angle), angle, image);
}

at::Tensor spiral(const Trajectory& options, std::int64_t readout, const TensorSpec& image) {
  const at::Tensor time = (at::arange(readout, at::kDouble) / static_cast<double>(readout)).sqrt();
  const at::Tensor start =
      at::arange(options.interleaves, at::kDouble).unsqueeze(1) * (2 * M_PI / static_cast<double>(options.interleaves));
  const at::Tensor angle = start + time * (2 * M_PI * options.turns);
  return from_polar((time / 2).expand_as(angle), angle, image);
}

at::Tensor checked_positions(const at::Tensor& array, const TensorSpec& image, const std::string& location) {
  const at::Tensor positions = array.to(at::kCPU, at::kDouble);
  if (array.is_complex() || positions.dim() != 2 || positions.size(1) != 2 || positions.size(0) == 0) {
    throw usage_error(location, "expected real positions [samples, 2] (row, column), got {}",
                      to_string(shape_of(array)));
  }
  const at::Tensor limits =
      at::tensor({static_cast<double>(image.shape[1]) / 2, static_cast<double>(image.shape[2]) / 2}, at::kDouble);
  if (!(positions.abs() <= limits).all().item<bool>()) {  // NaN fails too
    throw usage_error(
        location, "positions: expected cycles per field of view, at most {} and {}, found up to {:.4g} and {:.4g}",
        limits[0].item<double>(), limits[1].item<double>(), positions.select(1, 0).abs().max().item<double>(),
        positions.select(1, 1).abs().max().item<double>());
  }
  const double largest = positions.abs().max().item<double>(), reach = limits.min().item<double>();
  const bool pixels = largest > 0.3 && largest <= 0.5 + 1e-6, radians = largest > 2.8 && largest <= M_PI + 1e-6;
  if (reach >= 8 && (pixels || radians)) {
    log::warn_once(fmt::format(
        "{}: positions up to {:.4g} of {:g} cycles per field of view cover the very centre of k-space only; "
        "if they are in {}, multiply them by the image's [height, width]{}",
        location, largest, reach, pixels ? "cycles per pixel" : "radians per pixel", pixels ? "" : " / (2 pi)"));
  }
  return positions.contiguous();
}

}  // namespace

void Trajectory::visit(ParameterVisitor& v) {
  v.array("positions", positions, "sampled (row, column) in cycles per field of view, [samples, 2]");
  if (positions.defined()) pattern = TrajectoryPattern::array;
  v.choice("pattern", pattern, "where k-space is sampled (array when positions are given)");
  v.field("spokes", spokes, "radial: lines through the centre", {.min = 1});
  v.field("golden_angle", golden_angle, "radial: golden angles instead of equal ones");
  v.field("interleaves", interleaves, "spiral: rotated copies", {.min = 1});
  v.field("turns", turns, "spiral: turns of each", {.min = 0, .open_min = true});
  v.field("readout", readout, "radial and spiral: samples of each; 0: twice the longer side", {.min = 0});
}

at::Tensor Trajectory::on(const TensorSpec& image, const std::string& location) const {
  require_image(image, location);
  if (positions.defined() != (pattern == TrajectoryPattern::array)) {
    throw usage_error(location, "pattern 'array' and positions go together: got pattern '{}' and {} positions",
                      to_string(pattern), positions.defined() ? "some" : "no");
  }
  const std::int64_t samples = readout > 0 ? readout : 2 * std::max(image.shape[1], image.shape[2]);
  if (pattern == TrajectoryPattern::radial) return radial_spokes(*this, samples, image);
  if (pattern == TrajectoryPattern::spiral) return spiral(*this, samples, image);
  return checked_positions(positions, image, location);
}

}  // namespace recon
