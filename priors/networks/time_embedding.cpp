#include "priors/networks/time_embedding.h"

#include <ATen/ATen.h>

#include <numbers>

namespace recon {
namespace {

std::int64_t feature_count(const TimeEmbeddingOptions& options) {
  return options.fourier ? 2 * options.channels : options.channels;
}

}  // namespace

TimeEmbedding::TimeEmbedding(const ParameterScope& scope, const TimeEmbeddingOptions& options)
    : options_(options),
      linear1_(scope.child(options.first), feature_count(options), options.out_channels),
      linear2_(scope.child(options.second), options.out_channels, options.out_channels) {
  if (options.fourier) frequencies_ = scope.child(options.fourier_scope).get(options.frequencies, {options.channels});
}

at::Tensor TimeEmbedding::features(const at::Tensor& t) const {
  if (options_.fourier) {
    const at::Tensor angle = (options_.log_time ? t.log() : t).unsqueeze(1) * frequencies_ * (2 * std::numbers::pi);
    return at::cat({angle.sin(), angle.cos()}, 1);
  }
  const std::int64_t half = options_.channels / 2;
  const at::Tensor k = at::arange(half, t.options());
  const at::Tensor rates =
      (k * (-std::log(options_.longest_period)) / (static_cast<double>(half) - options_.freq_shift)).exp();
  const at::Tensor angle = t.unsqueeze(1) * rates;
  const at::Tensor both =
      options_.flip_sin_to_cos ? at::cat({angle.cos(), angle.sin()}, 1) : at::cat({angle.sin(), angle.cos()}, 1);
  return options_.channels % 2 == 0 ? both : at::constant_pad_nd(both, {0, 1});
}

at::Tensor TimeEmbedding::operator()(const at::Tensor& t, const at::Tensor& label) const {
  const at::Tensor all = label.defined() ? features(t) + label : features(t);
  return linear2_(activate(options_.activation, linear1_(all)));
}

}  // namespace recon
