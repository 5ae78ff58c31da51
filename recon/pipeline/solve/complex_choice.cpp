#include "recon/pipeline/solve/complex_choice.h"

#include <algorithm>
#include <cmath>

#include "operators/mri/image_phase.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/solve/likely_cause.h"

namespace recon {
namespace {

constexpr double as_well = 1.1;
constexpr std::int64_t steps = 60;

ComplexImage choice_for(const PreparedItem& item) {
  if (!item.op->is_linear()) return ComplexImage::two_channels;
  const bool noisy = item.noise.std > 0;
  const Fit complex = best_fit_of(item, item.op, steps, noisy);
  const OperatorPtr with_smooth_phase = with_phase(item.op, smooth_phase(item.op, item.y, item.noise.variance));
  const Fit real = best_fit_of(item, with_smooth_phase, steps, noisy);
  const double least = noisy ? std::max(1.0, complex.chi2) : complex.unexplained + 1e-6;
  const double left = noisy ? real.chi2 : real.unexplained;
  const bool smooth = left <= as_well * least;  // NaN: no
  log::info("item {}: complex_image {}: {} {:.3g} with the phase of the centre, {:.3g} with two channels", item.id,
            to_string(smooth ? ComplexImage::phase_from_centre : ComplexImage::two_channels),
            noisy ? "chi²" : "unexplained energy", left, noisy ? complex.chi2 : complex.unexplained);
  return smooth ? ComplexImage::phase_from_centre : ComplexImage::two_channels;
}

}  // namespace

void settle_complex_image(const std::vector<ItemSource*>& sources, bool with_prior, c10::Device device) {
  if (sources.empty() || sources.front()->options().complex_image != ComplexImage::automatic) return;
  const bool asked = with_prior && sources.front()->image().scalar == ScalarKind::complex;
  ComplexImage choice = ComplexImage::none;
  if (asked) {
    try {
      choice = choice_for(sources.front()->unchecked().prepare(0, device));
    } catch (const Error& error) {
      choice = ComplexImage::two_channels;  // the item's fault is reported where it is solved
      log::debug("complex_image: {}", error.what());
    }
  }
  for (ItemSource* const source : sources) source->settle_complex_image(choice);
}

}  // namespace recon
