#include "priors/samplers/draw.h"

#include <ATen/ATen.h>

#include <cmath>

#include "recon/core/error.h"
#include "recon/core/per_entry.h"

namespace recon {
namespace {

void check(const Sampler& sampler, const Prior& prior, const DrawTask& task) {
  const std::string location = "prior " + prior.name();
  const ImageDomain& domain = prior.domain();
  if (task.keys.empty() || task.size.size() != 2) throw internal_error("draw", "expected keys and a size {{H, W}}");
  if (!domain.fixed_size.empty() && task.size != domain.fixed_size) {
    throw usage_error(location, "knows images of size {} only, got {}", to_string(domain.fixed_size),
                      to_string(task.size));
  }
  for (const auto side : task.size) {
    if (side < 1 || side % domain.multiple != 0) {
      throw usage_error(location, "expected a height and width that are multiples of {}, got {}", domain.multiple,
                        to_string(task.size));
    }
  }
  if (sampler.needs_learned_variance() && !prior.learns_variance()) {
    throw usage_error(location, "has no learned variance; use variance fixed_small or fixed_large");
  }
}

/// Entries that are or were not finite become zero. `sound` are the flags of the others, undefined at first.
void contain(at::Tensor& x, at::Tensor& sound) {
  const at::Tensor finite = at::isfinite(squared_norms(x));
  sound = sound.defined() ? sound.logical_and(finite) : finite;
  if (sound.is_cpu() && sound.all().item<bool>()) return;  // a look is free there, and saves the copy
  x = at::where(along_batch(sound, x), x, at::zeros_like(x));
}

}  // namespace

DrawReport draw(const Sampler& sampler, const Prior& prior, const DrawTask& task, const DrawControls& controls) {
  check(sampler, prior, task);
  prior.require_start_from_noise();
  const ImageDomain& domain = prior.domain();
  const TensorSpec image{{domain.channels, task.size[0], task.size[1]}, ScalarKind::real};
  DrawReport report;
  at::Tensor sound;
  const auto clipped = [&](const at::Tensor& x0) { return task.clip ? x0.clamp(domain.low, domain.high) : x0; };
  const ReverseProcess reverse{.process = sampler.process_of(prior),
                               .levels = sampler.levels(prior),
                               .denoise =
                                   [&](const at::Tensor& x_t, const NoiseLevel& level) {
                                     ++report.nfe;
                                     return clipped(prior.denoise(x_t, level));
                                   },
                               .denoise_with_variance =
                                   [&](const at::Tensor& x_t, const NoiseLevel& level) {
                                     ++report.nfe;
                                     const DenoisedWithVariance denoised = prior.denoise_with_variance(x_t, level);
                                     return DenoisedWithVariance{clipped(denoised.x0), denoised.variance_fraction};
                                   },
                               .noise =
                                   [&](std::string_view stream, std::int64_t step) {
                                     return Rng(task.seed, "sample " + std::string(stream))
                                         .normal(task.keys, static_cast<std::uint32_t>(step), image, task.like);
                                   }};
  const NoiseLevel& start = reverse.levels.front();  // alpha_T x_0 is left out: the noise there hides it
  report.x = sampler.sample(reverse, start.sigma * reverse.noise(kSamplingStream, 0), [&](SamplerStep& step) {
    contain(step.x, sound);
    if (controls.watch && !controls.watch(step)) report.stopped = true;
    if (controls.observer) {
      controls.observer(
          {.step = step.done, .steps = step.total, .chi2 = {}, .relative_sigma = step.next.relative_sigma()});
    }
    const bool asked = controls.cancellation != nullptr && controls.cancellation->cancelled();
    report.stopped = report.stopped || (asked && step.done < step.total);
    return !report.stopped;
  });
  for (const double flag : host_values(sound)) report.diverged.push_back(flag == 0);
  return report;
}

}  // namespace recon
