#include "recon/solvers/posterior/pixel_noise.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/per_entry.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/mean_gain.h"

namespace recon {
namespace {

/// Above it a picture of contrast 1 is seen through so much noise that more steps bring nothing.
constexpr double much_noise = 0.15;

}  // namespace

at::Tensor pixel_noise(SolverContext& context) {
  return (noise_variances(context) / MeanGain(context).at_image({}, 0)).sqrt();
}

std::vector<std::int64_t> StepsByNoise::at(const at::Tensor& noise) const {
  std::vector<std::int64_t> steps;
  for (const double of_entry : host_values(noise)) {
    const double decades = std::max(0.0, std::log10(much_noise / of_entry));
    steps.push_back(std::min<std::int64_t>(most, few + std::llround(static_cast<double>(per_decade) * decades)));
  }
  return steps;
}

}  // namespace recon
