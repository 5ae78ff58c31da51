#include "priors/parameterization.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::array<std::pair<Prediction, const char*>, 7> kPredictions{{{Prediction::epsilon, "epsilon"},
                                                                          {Prediction::score, "score"},
                                                                          {Prediction::x0, "x0"},
                                                                          {Prediction::v, "v"},
                                                                          {Prediction::flow_to_noise, "flow_to_noise"},
                                                                          {Prediction::flow_to_data, "flow_to_data"},
                                                                          {Prediction::edm, "edm"}}};

void require_nonzero(double value, const char* what, Prediction kind) {
  if (!(value > 0)) {
    throw internal_error("conversion of " + to_string(kind), "expected {} > 0, got {}; treat that end apart", what,
                         value);
  }
}

}  // namespace

std::string to_string(Prediction kind) {
  for (const auto& [value, text] : kPredictions) {
    if (value == kind) return text;
  }
  throw internal_error("to_string", "unnamed prediction {}", static_cast<int>(kind));
}

Prediction prediction_from(const std::string& text) {
  std::vector<std::string> known;
  for (const auto& [value, name] : kPredictions) {
    if (text == name) return value;
    known.emplace_back(name);
  }
  throw usage_error("prediction", "expected one of {}, got '{}'", fmt::join(known, ", "), text);
}

EdmCoefficients edm_coefficients(double relative_sigma, double sigma_data) {
  const double r = relative_sigma, total = std::hypot(r, sigma_data);
  return {sigma_data * sigma_data / (total * total), r * sigma_data / total, 1 / total, std::log(r) / 4};
}

at::Tensor to_x0(Prediction kind, const at::Tensor& out, const at::Tensor& x_t, const NoiseLevel& level) {
  const auto [alpha, sigma] = level;
  switch (kind) {
    case Prediction::epsilon:
      require_nonzero(alpha, "alpha", kind);
      return (x_t - sigma * out) / alpha;
    case Prediction::score:
      require_nonzero(alpha, "alpha", kind);
      return (x_t + sigma * sigma * out) / alpha;
    case Prediction::x0:
      return out;
    case Prediction::v:
      return (alpha * x_t - sigma * out) / (alpha * alpha + sigma * sigma);
    case Prediction::flow_to_noise:
      return (x_t - sigma * out) / (alpha + sigma);
    case Prediction::flow_to_data:
      return (x_t + sigma * out) / (alpha + sigma);
    case Prediction::edm: {
      require_nonzero(alpha, "alpha", kind);
      const EdmCoefficients c = edm_coefficients(level.relative_sigma());
      return (c.c_skip / alpha) * x_t + c.c_out * out;
    }
  }
  throw internal_error("to_x0", "unnamed prediction {}", static_cast<int>(kind));
}

at::Tensor from_x0(Prediction kind, const at::Tensor& x0, const at::Tensor& x_t, const NoiseLevel& level) {
  const auto [alpha, sigma] = level;
  if (kind != Prediction::x0) require_nonzero(sigma, "sigma", kind);
  switch (kind) {
    case Prediction::epsilon:
      return (x_t - alpha * x0) / sigma;
    case Prediction::score:
      return (alpha * x0 - x_t) / (sigma * sigma);
    case Prediction::x0:
      return x0;
    case Prediction::v:
      return (alpha * x_t - (alpha * alpha + sigma * sigma) * x0) / sigma;
    case Prediction::flow_to_noise:
      return (x_t - (alpha + sigma) * x0) / sigma;
    case Prediction::flow_to_data:
      return ((alpha + sigma) * x0 - x_t) / sigma;
    case Prediction::edm: {
      require_nonzero(alpha, "alpha", kind);
      const EdmCoefficients c = edm_coefficients(level.relative_sigma());
      return (x0 - (c.c_skip / alpha) * x_t) / c.c_out;
    }
  }
  throw internal_error("from_x0", "unnamed prediction {}", static_cast<int>(kind));
}

}  // namespace recon
