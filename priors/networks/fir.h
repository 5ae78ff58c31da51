#pragma once

#include <utility>

#include "priors/networks/layers.h"

namespace recon {

/// Halving or doubling by a separable filter f, [1, 1, n, n], f / (sum f)² (Zhang 2019; StyleGAN2's upfirdn2d): a
/// strided convolution of each channel, and the transpose of it times 4.
struct Fir {
  /// Kept in the checkpoint as `resample_filter`.
  Fir(const ParameterScope& scope, std::int64_t taps) : filter(scope.get("resample_filter", {1, 1, taps, taps})) {}
  explicit Fir(at::Tensor weights) : filter(std::move(weights)) {}
  static Fir binomial(const at::TensorOptions& options);  ///< f = [1, 3, 3, 1], not in the checkpoint
  at::Tensor operator()(const at::Tensor& x, Resample resample) const;
  std::int64_t reach() const { return 2 + filter.size(-1) / 2 * 2; }  ///< Pass::reach with a 3x3 convolution
  at::Tensor filter;
};

/// A 3x3 convolution and a halving by a filter, then the bias (StyleGAN2). Both pad at once, so that the border is that
/// of a single filter of both.
struct HalvingConv {
  HalvingConv(const ParameterScope& scope, std::int64_t in, std::int64_t out, Fir filter);
  at::Tensor operator()(const at::Tensor& x) const;
  std::int64_t out_channels() const { return weight.size(0); }
  at::Tensor weight, bias;
  Fir fir;
};

}  // namespace recon
