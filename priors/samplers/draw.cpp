#include "priors/samplers/draw.h"

#include <ATen/ATen.h>

#include <cmath>

#include "recon/core/error.h"

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

/// Entries that are not finite become zero and are marked.
void contain(at::Tensor& x, std::vector<bool>& diverged) {
  const at::Tensor sums = x.flatten(1).square().sum(1).to(at::kCPU, at::kDouble);
  for (std::size_t i = 0; i < diverged.size(); ++i) {
    const auto entry = static_cast<std::int64_t>(i);
    diverged[i] = diverged[i] || !std::isfinite(sums[entry].item<double>());
    if (!diverged[i]) continue;
    x = x.clone();
    x[entry].zero_();
  }
}

}  // namespace

DrawReport draw(const Sampler& sampler, const Prior& prior, const DrawTask& task, const DrawControls& controls) {
  check(sampler, prior, task);
  prior.require_start_from_noise();
  const ImageDomain& domain = prior.domain();
  const TensorSpec image{{domain.channels, task.size[0], task.size[1]}, ScalarKind::real};
  DrawReport report;
  report.diverged.assign(task.keys.size(), false);
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
    contain(step.x, report.diverged);
    if (controls.watch && !controls.watch(step)) report.stopped = true;
    if (controls.observer) {
      controls.observer(
          {.step = step.done, .steps = step.total, .chi2 = {}, .relative_sigma = step.next.relative_sigma()});
    }
    const bool asked = controls.cancellation != nullptr && controls.cancellation->cancelled();
    report.stopped = report.stopped || (asked && step.done < step.total);
    return !report.stopped;
  });
  return report;
}

}  // namespace recon
