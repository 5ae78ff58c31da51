#include "priors/spacing.h"

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"

namespace recon {

const std::vector<SpacingKind>& spacing_kinds() {
  static const std::vector<SpacingKind> kinds{
      {Spacing::uniform_t, "equal steps of the schedule's own time; whole timesteps of a table"},
      {Spacing::quadratic_t, "square of equal steps of time: denser at low noise"},
      {Spacing::uniform_log_snr, "equal steps of log relative sigma"},
      {Spacing::karras, "equal steps of the 7th root of the relative sigma (Karras et al. 2022, eq. 5)"},
      {Spacing::leading, "tables only, as diffusers: i floor(T/n) + steps_offset"},
      {Spacing::trailing, "tables only, as diffusers: round(T - i T/n) - 1"},
      {Spacing::linspace, "tables only, as diffusers: round(i (T-1)/(n-1))"}};
  return kinds;
}

bool is_for_tables(Spacing spacing) {
  return spacing == Spacing::leading || spacing == Spacing::trailing || spacing == Spacing::linspace;
}

std::vector<double> table_timesteps(Spacing spacing, std::int64_t n, std::int64_t count, std::int64_t steps_offset,
                                    const std::string& location) {
  if (n < 1 || n > count) {
    throw usage_error(location, "spacing {} places 1..{} steps here, got {}", to_string(spacing), count, n);
  }
  if (steps_offset != 0 && spacing != Spacing::leading) {
    throw usage_error(location, "steps_offset belongs to spacing leading, not to {}; leave it out", to_string(spacing));
  }
  const double total = static_cast<double>(count), steps = static_cast<double>(n);
  const double stride = (total - total / steps) - total;  // numpy's arange adds multiples of its first difference
  std::vector<double> times;
  for (std::int64_t k = 0; k < n; ++k) {
    const double i = static_cast<double>(n - 1 - k);
    switch (spacing) {
      case Spacing::leading:
        times.push_back(i * static_cast<double>(count / n) + static_cast<double>(steps_offset));
        break;
      case Spacing::trailing:
        times.push_back(std::nearbyint(total + static_cast<double>(k) * stride) - 1);
        break;
      case Spacing::linspace:
        times.push_back(n == 1 ? 0 : k == 0 ? total - 1 : std::nearbyint(i * ((total - 1) / (steps - 1))));
        break;
      default:
        throw internal_error(location, "spacing {} is none of whole timesteps", to_string(spacing));
    }
  }
  if (times.back() < 0 || times.front() > total - 1) {
    throw usage_error(location, "expected a steps_offset that keeps all timesteps in 0..{}, got {}", count - 1,
                      steps_offset);
  }
  return times;
}

}  // namespace recon
