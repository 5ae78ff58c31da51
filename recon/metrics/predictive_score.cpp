#include "recon/metrics/predictive_score.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr double normal_95 = 1.6448536269514722;  ///< its 95 % quantile: the end of the 90 % interval

/// Real components on the last axis: complex ones are two.
at::Tensor components(const at::Tensor& values) {
  const at::Tensor cpu = values.cpu();
  return cpu.is_complex() ? at::view_as_real(cpu.to(at::kComplexDouble).resolve_conj())
                          : cpu.to(at::kDouble).unsqueeze(-1);
}

double mean_of(const at::Tensor& values) { return values.mean().item<double>(); }

}  // namespace

PredictiveScore predictive_score(const at::Tensor& y, const at::Tensor& variance, const at::Tensor& samples,
                                 const SamplePairs& pairs, const at::Tensor& measured) {
  const at::Tensor counted =
      (measured.defined() ? measured.cpu() : at::ones({1}, at::kBool)).expand(y.sizes()).unsqueeze(-1);
  const at::Tensor data = components(y), drawn = components(samples);
  const at::Tensor keep = counted.expand(data.sizes());
  if (!keep.any().item<bool>()) throw internal_error("predictive_score", "nothing was held out");
  const SampleSpread drawn_spread = spread_of(drawn, pairs);
  const at::Tensor& mean = drawn_spread.mean;
  at::Tensor spread = variance.cpu().to(at::kDouble).expand(y.sizes()).unsqueeze(-1).expand(data.sizes());
  if (samples.size(0) > 1) spread = spread + drawn_spread.std.square() * (1 + drawn_spread.mean_variance);
  const at::Tensor std = spread.masked_select(keep).sqrt();
  const at::Tensor z = (data - mean).masked_select(keep) / std;
  const at::Tensor density = at::exp(-z.square() / 2) / std::sqrt(2 * std::numbers::pi);
  const at::Tensor below = 0.5 * (1 + at::erf(z / std::numbers::sqrt2));
  return {.log_score = -mean_of(z.square() / 2 + std.log()) - std::log(2 * std::numbers::pi) / 2,
          .crps = mean_of(std * (z * (2 * below - 1) + 2 * density - 1 / std::sqrt(std::numbers::pi))),
          .coverage = mean_of((z.abs() <= normal_95).to(at::kDouble)),
          .chi2 = mean_of(z.square()),
          .components = z.numel()};
}

}  // namespace recon
