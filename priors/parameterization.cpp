#include "priors/parameterization.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>
#include <vector>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

/// The weights of a batch, one column each.
struct Columns {
  at::Tensor x0, xt, out;
};

Columns columns(Prediction kind, const std::vector<NoiseLevel>& levels, const at::Tensor& like, double sigma_data) {
  if (like.dim() < 1 || like.size(0) != static_cast<std::int64_t>(levels.size())) {
    throw internal_error("conversion of " + to_string(kind), "expected a level for each of {} items, got {}",
                         like.dim() < 1 ? 0 : like.size(0), levels.size());
  }
  std::vector<double> x0, xt, out;
  for (const NoiseLevel& level : levels) {
    const Conversion row = conversion(kind, level, sigma_data);
    x0.push_back(row.x0);
    xt.push_back(row.xt);
    out.push_back(row.out);
  }
  return {per_item(x0, like), per_item(xt, like), per_item(out, like)};
}

void require_nonzero(double divisor, const char* what, Prediction kind, const NoiseLevel& level) {
  if (divisor == 0) {
    throw internal_error("conversion of " + to_string(kind),
                         "expected a level that determines {}, got alpha {}, sigma {}; treat that end apart", what,
                         level.alpha, level.sigma);
  }
}

void require_x0(Prediction kind, const NoiseLevel& level, double sigma_data) {
  require_nonzero(conversion(kind, level, sigma_data).x0, "x_0", kind, level);
}

void require_out(Prediction kind, const NoiseLevel& level, double sigma_data) {
  require_nonzero(conversion(kind, level, sigma_data).out, "the output", kind, level);
}

/// Solves the identity for x_0 and for the output; weights are numbers or columns.
at::Tensor solve_for_x0(const auto& row, const at::Tensor& x_t, const at::Tensor& out) {
  return (row.xt * x_t + row.out * out) / row.x0;
}

at::Tensor solve_for_out(const auto& row, const at::Tensor& x_t, const at::Tensor& x0) {
  return (row.x0 * x0 - row.xt * x_t) / row.out;
}

}  // namespace

EdmCoefficients edm_coefficients(double relative_sigma, double sigma_data) {
  const double r = relative_sigma, total = std::hypot(r, sigma_data);
  return {sigma_data * sigma_data / (total * total), r * sigma_data / total, 1 / total, std::log(r) / 4};
}

Conversion conversion(Prediction kind, const NoiseLevel& level, double sigma_data) {
  const auto [alpha, sigma] = level;
  switch (kind) {
    case Prediction::epsilon:
      return {.x0 = alpha, .xt = 1, .out = -sigma};
    case Prediction::score:
      return {.x0 = alpha, .xt = 1, .out = sigma * sigma};
    case Prediction::x0:
      return {.x0 = 1, .xt = 0, .out = 1};
    case Prediction::v:
      return {.x0 = alpha * alpha + sigma * sigma, .xt = alpha, .out = -sigma};
    case Prediction::flow_to_noise:
      return {.x0 = alpha + sigma, .xt = 1, .out = -sigma};
    case Prediction::flow_to_data:
      return {.x0 = alpha + sigma, .xt = 1, .out = sigma};
    case Prediction::edm: {  // c_skip / alpha and c_out, written so that alpha = 0 is a valid level
      const double total = std::hypot(sigma, alpha * sigma_data);
      return {.x0 = 1, .xt = alpha * (sigma_data / total) * (sigma_data / total), .out = sigma / total * sigma_data};
    }
  }
  throw internal_error("conversion", "unnamed prediction {}", static_cast<int>(kind));
}

at::Tensor to_x0(Prediction kind, const at::Tensor& out, const at::Tensor& x_t, const NoiseLevel& level,
                 double sigma_data) {
  require_x0(kind, level, sigma_data);
  return kind == Prediction::x0 ? out : solve_for_x0(conversion(kind, level, sigma_data), x_t, out);
}

at::Tensor from_x0(Prediction kind, const at::Tensor& x0, const at::Tensor& x_t, const NoiseLevel& level,
                   double sigma_data) {
  require_out(kind, level, sigma_data);
  return kind == Prediction::x0 ? x0 : solve_for_out(conversion(kind, level, sigma_data), x_t, x0);
}

at::Tensor to_x0(Prediction kind, const at::Tensor& out, const at::Tensor& x_t, const std::vector<NoiseLevel>& levels,
                 double sigma_data) {
  for (const NoiseLevel& level : levels) require_x0(kind, level, sigma_data);
  const Columns row = columns(kind, levels, x_t, sigma_data);
  return kind == Prediction::x0 ? out : solve_for_x0(row, x_t, out);
}

at::Tensor from_x0(Prediction kind, const at::Tensor& x0, const at::Tensor& x_t, const std::vector<NoiseLevel>& levels,
                   double sigma_data) {
  for (const NoiseLevel& level : levels) require_out(kind, level, sigma_data);
  const Columns row = columns(kind, levels, x_t, sigma_data);
  return kind == Prediction::x0 ? x0 : solve_for_out(row, x_t, x0);
}

}  // namespace recon
