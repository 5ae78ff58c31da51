#include "recon/metrics/student.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "recon/core/error.h"

namespace recon {
namespace {

/// P(|T| <= sqrt(degrees) tan(theta)).
double student_coverage(double theta, double degrees) {
  constexpr int intervals = 400;  // even; the integrand is smooth but for its end at pi/2, where it vanishes
  const double width = theta / intervals;
  double sum = 0;
  for (int i = 0; i <= intervals; ++i) {
    const double weight = i == 0 || i == intervals ? 1 : (i % 2 == 1 ? 4 : 2);
    sum += weight * std::pow(std::max(std::cos(i * width), 0.0), degrees - 1);
  }
  const double whole = std::sqrt(std::numbers::pi) *
                       std::exp(std::lgamma(degrees / 2) - std::lgamma((degrees + 1) / 2));  // from -pi/2 to pi/2
  return 2 * sum * width / 3 / whole;
}

}  // namespace

double student_quantile(double level, double degrees) {
  if (!(level > 0 && level < 1) || !(degrees >= 1)) {
    throw internal_error("student_quantile", "expected 0 < level < 1 and degrees >= 1, got {} and {}", level, degrees);
  }
  double low = 0, high = std::numbers::pi / 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (student_coverage(middle, degrees) < level ? low : high) = middle;
  }
  return std::sqrt(degrees) * std::tan((low + high) / 2);
}

}  // namespace recon
