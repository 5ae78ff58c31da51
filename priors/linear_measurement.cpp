#include "priors/linear_measurement.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr double kNameTolerance = 0.05, kNoiseTolerance = 0.1;

/// Words and numbers of an operator's name.
std::vector<std::string> name_parts(const std::string& name) {
  std::vector<std::string> parts(1);
  for (const char c : name) {
    const bool divides = c == ' ' || c == ',' || c == '(' || c == ')';
    if (!divides) {
      parts.back() += c;
    } else if (!parts.back().empty()) {
      parts.emplace_back();
    }
  }
  if (parts.back().empty()) parts.pop_back();
  return parts;
}

bool is_about(const std::string& known, const std::string& found) {
  if (known == found || found == "array") return true;
  const auto number_of = [](const std::string& text, double& value) {
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    return fault == std::errc() && end == text.data() + text.size();
  };
  double a = 0, b = 0;
  return number_of(known, a) && number_of(found, b) && std::abs(a - b) <= kNameTolerance * std::abs(a);
}

bool same_family(const std::string& known, const std::string& found) {
  const std::vector<std::string> a = name_parts(known), b = name_parts(found);
  return !b.empty() && a.front() == b.front() && std::equal(a.begin(), a.end(), b.begin(), b.end(), is_about);
}

}  // namespace

void TrainedMeasurement::visit(ParameterVisitor& v) {
  v.field("operator", op, "what measured, as the operator calls itself");
  v.field("noise_std", noise_std, "[lowest, highest] noise of the measurement, in units of value_range",
          {.min = 0, .open_min = true});
}

std::string TrainedMeasurement::objection(const LinearMeasurement& y) const {
  if (!same_family(op, y.operator_name)) return fmt::format("operator {}, got {}", op, y.operator_name);
  for (const double std : y.noise_std) {
    if (std >= (1 - kNoiseTolerance) * noise_std.front() && std <= (1 + kNoiseTolerance) * noise_std.back()) continue;
    return fmt::format("noise of standard deviation {:.4g} in units of its range, got {:.4g}",
                       fmt::join(noise_std, " to "), std);
  }
  return "";
}

CombinedObservation::CombinedObservation(const at::Tensor& x_t, const std::vector<NoiseLevel>& levels,
                                         LinearMeasurement y)
    : y_(std::move(y)) {
  std::vector<double> weights;
  for (const NoiseLevel& level : levels) {
    precision_.push_back(1 / (level.relative_sigma() * level.relative_sigma()));
    weights.push_back(precision_.back() / level.alpha);
  }
  for (const double std : y_.noise_std) data_precision_.push_back(1 / (std * std));
  sum_ = x_t * per_item(weights, x_t) + y_.backprojected * per_item(data_precision_, x_t);
}

at::Tensor CombinedObservation::of_covariance(const at::Tensor& x, const LinearMeasurement::ImageMap& g) const {
  return y_.filter(x, [&](const at::Tensor& values) {
    return g((per_item(precision_, values) + values * per_item(data_precision_, values)).reciprocal());
  });
}

at::Tensor CombinedObservation::white_mean() const {
  return of_covariance(sum_, [](const at::Tensor& s) { return s / (1 + s); });
}

at::Tensor CombinedObservation::noise_share(const at::Tensor& x) const {
  return of_covariance(x, [](const at::Tensor& s) { return (s / (1 + s)).sqrt(); });
}

at::Tensor CombinedObservation::input() const {
  const at::Tensor seen = white_mean();
  return at::cat({seen, noise_share(at::ones_like(seen))}, 1);
}

at::Tensor CombinedObservation::x0_of(const at::Tensor& v) const { return white_mean() - noise_share(v); }

at::Tensor CombinedObservation::v_of(const at::Tensor& x0) const {
  return of_covariance(white_mean() - x0, [](const at::Tensor& s) { return ((1 + s) / s).sqrt(); });
}

}  // namespace recon
