#include "recon/pipeline/items/measured_range.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "operators/inverse_filter.h"
#include "recon/core/error.h"

namespace recon {

void MeasuredRange::visit(ParameterVisitor& v) {
  v.choice("from", from, "what black and white are measured on: the adjoint image of the data, projections filtered");
  v.field("quantile", quantile, "of its magnitudes that is white", {.min = 0, .max = 1, .open_min = true});
}

namespace {

/// The image times the gain with which its data, `predicted`, come closest to y.
at::Tensor fitted(const at::Tensor& image, const at::Tensor& predicted, const at::Tensor& y) {
  const double explained = squared_norms(predicted).item<double>();
  return explained > 0 ? image * (real_inner(y, predicted).item<double>() / explained) : image;
}

/// (A^H A + shift I)^-1 A^H y, the shift a fiftieth of what A^H A does to A^H y, at the level that fits the data best.
at::Tensor damped_image(const LinearOperator& op, const at::Tensor& y) {
  constexpr double damping = 0.02;
  constexpr IterativeSolve rough{.tolerance = 1e-2, .max_iterations = 30};
  const at::Tensor back = op.adjoint(y);
  const double energy = squared_norms(back).item<double>();
  if (!(energy > 0)) return back;
  const double shift = damping * squared_norms(op.apply(back)).item<double>() / energy;
  const at::Tensor image = op.solve_shifted(back, at::full({1}, shift, at::kDouble), rough);
  return fitted(image, op.apply(image), y);
}

}  // namespace

std::optional<at::Tensor> filtered_magnitudes(const LinearOperator& op, const at::Tensor& y) {
  const auto hann = [](double frequency, double) { return 0.5 + 0.5 * std::cos(std::numbers::pi * frequency); };
  const BackProjection back = filtered_back_projection_of(op, hann);
  if (!back) return std::nullopt;
  return back(y).abs();
}

at::Tensor fitted_adjoint_magnitudes(const LinearOperator& op, const at::Tensor& y) {
  const at::Tensor back = op.adjoint(y);
  return fitted(back, op.apply(back), y).abs();
}

at::Tensor image_of_data(const LinearOperator& op, const at::Tensor& y) {
  const auto filtered = filtered_magnitudes(op, y);
  return in_window(filtered ? *filtered : damped_image(op, y).abs(), op);
}

ImageRange measured_range(const MeasuredRange& how, const OperatorPtr& op, const at::Tensor& y,
                          const std::string& location) {
  const LinearOperatorPtr linear = as_linear(op, "image_range: {from: adjoint}");
  const at::Tensor points = image_of_data(*linear, y).flatten();
  const auto count = static_cast<double>(points.numel());
  const auto rank = std::max<std::int64_t>(1, std::llround(how.quantile * count));
  const double white = std::get<0>(points.kthvalue(rank)).item<double>();
  if (!(white > 0) || !std::isfinite(white)) {
    throw data_error(location, "image_range: the {} quantile of the adjoint image is {}; give [low, high]",
                     how.quantile, white);
  }
  return {0, white};
}

}  // namespace recon
