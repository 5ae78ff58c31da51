#include "recon/pipeline/items/brightness.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr double allowance = 1.5;

std::string of_magnitudes(const at::Tensor& y, const Operator& op, double brightest) {
  const double most = allowance * static_cast<double>(op.domain().numel()) * brightest * brightest;
  const double energy = squared_norms(y).item<double>(), total = y.sum(at::kDouble).item<double>();
  if (!(energy > most)) return "";
  const bool intensities = total > 0 && total <= most && y.min().item<double>() >= 0;
  return fmt::format("the data have an energy of {:.3g}, images up to {:g} have at most {:.3g}: {}", energy, brightest,
                     most / allowance,
                     intensities
                         ? "they are intensities, most likely; the operator gives magnitudes: take their square "
                           "root"
                         : "scale them, or state the image_range");
}

}  // namespace

std::string brightness_warning(const at::Tensor& y, const Operator& op, const ImageRange& range) {
  const double brightest = std::max(std::abs(range.low), std::abs(range.high));
  if (op.magnitude()) return of_magnitudes(y, op, brightest);
  const bool real = op.domain().scalar == ScalarKind::real && op.range().scalar == ScalarKind::real;
  if (!op.is_linear() || !real || range.low < 0) return "";
  Shape shape = op.domain().shape;
  shape.insert(shape.begin(), 1);
  const at::Tensor white = op.apply(at::full(shape, range.high, y.options()));
  const double mean = y.mean(at::kDouble).item<double>(), most = white.mean(at::kDouble).item<double>();
  if (!(most > 0) || white.min().item<double>() < -1e-4 * white.abs().max().item<double>() ||
      mean <= allowance * most) {
    return "";
  }
  return fmt::format(
      "the data have a mean of {:.3g}, an image of {:g} everywhere has {:.3g}: image_range, the operator's gain (a "
      "kernel's sum), the scale of the numbers or a background is not as stated",
      mean, range.high, most);
}

}  // namespace recon
