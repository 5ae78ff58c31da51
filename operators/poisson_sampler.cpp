#include "operators/poisson_sampler.h"

#include <math.h>  // lgamma_r: std::lgamma writes a global and so is no function for threads

#include <cmath>

#include "recon/core/philox.h"

namespace recon {
namespace {

struct UniformPair {
  double first, second;
};

UniformPair uniforms(std::uint64_t key, std::uint64_t element, std::uint32_t attempt) {
  constexpr std::uint32_t purpose =
      2;  // counter word that keeps these apart from Rng's normal (0) and uniform (1) draws
  const auto random = philox::block(
      {{static_cast<std::uint32_t>(element), static_cast<std::uint32_t>(element >> 32), attempt, purpose}},
      static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32));
  return {philox::uniform(random.word[0], random.word[1]), philox::uniform(random.word[2], random.word[3])};
}

double by_inversion(double mean, double u) {
  double term = std::exp(-mean);
  double count = 0;
  // The tail beyond 100 has probability below 1e-60 for mean < 10: the bound only guards against rounding of the sum.
  while (u > term && count < 100) {
    u -= term;
    count += 1;
    term *= mean / count;
  }
  return count;
}

double log_factorial(double count) {
  int sign = 0;
  return lgamma_r(count + 1, &sign);
}

double by_transformed_rejection(double mean, std::uint64_t key, std::uint64_t element) {
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  for (std::uint32_t attempt = 0;; ++attempt) {
    const auto [first, v] = uniforms(key, element, attempt);
    const double u = first - 0.5;
    const double us = 0.5 - std::abs(u);
    const double count = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= v_r) return count;
    if (count < 0 || (us < 0.013 && v > us)) continue;
    const double log_density = count * std::log(mean) - mean - log_factorial(count);
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <= log_density) return count;
  }
}

}  // namespace

double poisson(double mean, std::uint64_t key, std::uint64_t element) {
  if (!(mean > 0)) return 0;
  if (mean < 10) return by_inversion(mean, uniforms(key, element, 0).first);
  return by_transformed_rejection(mean, key, element);
}

}  // namespace recon
