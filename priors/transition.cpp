#include "priors/transition.h"

#include <cmath>

#include "recon/core/error.h"

namespace recon {

Transition reverse_transition(const NoiseLevel& from, const NoiseLevel& to, double eta) {
  // sigma_s alpha_t / (alpha_s sigma_t), written so that alpha_t = 0 (pure noise) is a valid start.
  const double ratio = to.sigma * from.alpha / (to.alpha * from.sigma);
  if (!(ratio >= 0 && ratio < 1) || !(eta >= 0 && eta <= 1)) {
    throw internal_error("reverse_transition", "expected a cleaner level and eta in [0, 1], got r {} -> {}, eta {}",
                         from.relative_sigma(), to.relative_sigma(), eta);
  }
  const double noise_std = eta * to.sigma * std::sqrt((1 - ratio) * (1 + ratio));
  // sqrt(sigma_s² - noise_std²) without the cancellation that ratio << 1 brings.
  const double carried_std = to.sigma * std::hypot(eta * ratio, std::sqrt((1 - eta) * (1 + eta)));
  const double xt_weight = carried_std / from.sigma;
  return {to.alpha - from.alpha * xt_weight, xt_weight, noise_std};
}

}  // namespace recon
