#include "recon/solvers/classical/wavelet.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"

namespace recon {
namespace {

/// Low-pass filters of unit norm. Daubechies 1988, table 1 (db2 in closed form; db4 as PyWavelets prints it).
std::vector<double> low_pass(WaveletFamily family) {
  if (family == WaveletFamily::haar) return {std::sqrt(0.5), std::sqrt(0.5)};
  if (family == WaveletFamily::db2) {
    const double s = std::sqrt(3.0), unit = 4 * std::sqrt(2.0);
    return {(1 + s) / unit, (3 + s) / unit, (3 - s) / unit, (1 - s) / unit};
  }
  return {0.2303778133088965,   0.7148465705529157,   0.6308807679298589, -0.027983769416859854,
          -0.18703481171909309, 0.030841381835560764, 0.0328830116668852, -0.010597401785069032};
}

/// x continued periodically along `axis`, by fewer entries than it has, before it and behind it.
at::Tensor periodic(const at::Tensor& x, std::int64_t axis, std::int64_t before, std::int64_t behind) {
  const std::int64_t n = x.size(axis);
  return at::cat({x.narrow(axis, n - before, before), x, x.narrow(axis, 0, behind)}, axis);
}

/// sum_n f_n x_{i + n dilation} for every `stride`-th of n entries, of an x that is longer than that.
at::Tensor correlate(const at::Tensor& longer, std::int64_t axis, const std::vector<double>& f, std::int64_t n,
                     std::int64_t dilation, std::int64_t stride) {
  at::Tensor sum;
  for (std::size_t k = 0; k < f.size(); ++k) {
    const std::int64_t begin = static_cast<std::int64_t>(k) * dilation;
    const at::Tensor part = longer.slice(axis, begin, begin + n, stride);
    sum = sum.defined() ? sum.add_(part, f[k]) : part * f[k];
  }
  return sum;
}

/// Adds the adjoint of correlate with stride 1, sum_n f_n d_{i - n dilation}, to `sum`.
void add_convolved(at::Tensor& sum, const at::Tensor& d, std::int64_t axis, const std::vector<double>& f,
                   std::int64_t dilation) {
  const std::int64_t n = d.size(axis), reach = (static_cast<std::int64_t>(f.size()) - 1) * dilation;
  const at::Tensor longer = periodic(d, axis, reach, 0);
  for (std::size_t k = 0; k < f.size(); ++k) {
    sum.add_(longer.narrow(axis, reach - static_cast<std::int64_t>(k) * dilation, n), f[k]);
  }
}

at::Tensor upsampled(const at::Tensor& d, std::int64_t axis) {
  Shape shape = shape_of(d);
  shape[static_cast<std::size_t>(axis)] *= 2;
  at::Tensor x = at::zeros(shape, d.options());
  x.slice(axis, 0, shape[static_cast<std::size_t>(axis)], 2).copy_(d);
  return x;
}

}  // namespace

Wavelet::Wavelet(WaveletFamily family, std::int64_t levels, bool undecimated, const TensorSpec& image,
                 const std::string& location)
    : low_(low_pass(family)), undecimated_(undecimated), image_(image.shape) {
  const auto taps = static_cast<std::int64_t>(low_.size());
  for (std::int64_t k = 0; k < taps; ++k) {
    high_.push_back((k % 2 == 0 ? 1 : -1) * low_[static_cast<std::size_t>(taps - 1 - k)]);
  }
  if (undecimated_) {
    for (double& value : low_) value *= std::sqrt(0.5);
    for (double& value : high_) value *= std::sqrt(0.5);
  }
  const std::int64_t height = image_[1], width = image_[2];
  for (; levels_ < levels; ++levels_) {
    const std::int64_t scale = std::int64_t{1} << levels_;
    const bool even = height % (2 * scale) == 0 && width % (2 * scale) == 0;
    if (std::min(height, width) / scale < taps || !(undecimated_ || even)) break;
  }
  if (levels_ == 0) {
    throw usage_error(location, "the wavelet {} needs an image of {}at least {} pixels a side, got {}",
                      to_string(family), undecimated_ ? "" : "even size and ", taps, image.to_string());
  }
}

Wavelet::Pair Wavelet::split(const at::Tensor& x, std::int64_t axis, std::int64_t level) const {
  const std::int64_t dilation = undecimated_ ? std::int64_t{1} << level : 1, stride = undecimated_ ? 1 : 2;
  const std::int64_t n = x.size(axis), reach = (static_cast<std::int64_t>(low_.size()) - 1) * dilation;
  const at::Tensor longer = periodic(x, axis, 0, reach);
  return {correlate(longer, axis, low_, n, dilation, stride), correlate(longer, axis, high_, n, dilation, stride)};
}

at::Tensor Wavelet::merge(const Pair& pair, std::int64_t axis, std::int64_t level) const {
  const std::int64_t dilation = undecimated_ ? std::int64_t{1} << level : 1;
  const at::Tensor low = undecimated_ ? pair.low : upsampled(pair.low, axis);
  const at::Tensor high = undecimated_ ? pair.high : upsampled(pair.high, axis);
  at::Tensor x = at::zeros_like(low);
  add_convolved(x, low, axis, low_, dilation);
  add_convolved(x, high, axis, high_, dilation);
  return x;
}

Shape Wavelet::band_shape(std::int64_t level) const {
  if (undecimated_) return image_;
  const std::int64_t scale = std::int64_t{2} << level;
  return {image_[0], image_[1] / scale, image_[2] / scale};
}

at::Tensor Wavelet::analyze(const at::Tensor& x) const {
  std::vector<at::Tensor> bands;
  at::Tensor approximation = x;
  for (std::int64_t level = 0; level < levels_; ++level) {
    const Pair rows = split(approximation, 2, level);
    const Pair top = split(rows.low, 3, level), bottom = split(rows.high, 3, level);
    for (const at::Tensor& band : {bottom.low, top.high, bottom.high}) bands.push_back(band.flatten(1));
    approximation = top.low;
  }
  bands.push_back(approximation.flatten(1));
  return at::cat(bands, 1);
}

at::Tensor Wavelet::synthesize(const at::Tensor& coefficients) const {
  std::int64_t end = coefficients.size(1);
  const auto take = [&](std::int64_t level) {
    Shape shape = band_shape(level);
    const std::int64_t count = shape[0] * shape[1] * shape[2];
    end -= count;
    shape.insert(shape.begin(), coefficients.size(0));
    return coefficients.narrow(1, end, count).reshape(shape);
  };
  at::Tensor approximation = take(levels_ - 1);
  for (std::int64_t level = levels_ - 1; level >= 0; --level) {
    const at::Tensor both = take(level), columns = take(level), rows = take(level);
    const at::Tensor low = merge({approximation, columns}, 3, level), high = merge({rows, both}, 3, level);
    approximation = merge({low, high}, 2, level);
  }
  return approximation;
}

at::Tensor Wavelet::penalty(const at::TensorOptions& like) const {
  const auto dtype = c10::toRealValueType(c10::typeMetaToScalarType(like.dtype()));
  std::vector<at::Tensor> bands;
  const auto band = [&](std::int64_t level, std::int64_t images, double value) {
    const Shape shape = band_shape(level);
    bands.push_back(at::full({1, images * shape[0] * shape[1] * shape[2]}, value, like.dtype(dtype)));
  };
  for (std::int64_t level = 0; level < levels_; ++level) {
    band(level, 3, undecimated_ ? std::ldexp(1.0, -static_cast<int>(level) - 1) : 1);
  }
  band(levels_ - 1, 1, 0);
  return at::cat(bands, 1);
}

}  // namespace recon
