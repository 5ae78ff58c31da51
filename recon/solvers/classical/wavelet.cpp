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
  const auto admits = [&](std::int64_t length, std::int64_t level) {
    const std::int64_t scale = std::int64_t{1} << level;
    return length / scale >= taps && (undecimated_ || length % (2 * scale) == 0);
  };
  const std::int64_t height = image_[image_.size() - 2], width = image_.back();
  while (levels_ < levels && admits(height, levels_) && admits(width, levels_)) ++levels_;
  if (image_.size() == 4) {
    while (levels_along_z_ < levels_ && admits(image_[1], levels_along_z_)) ++levels_along_z_;
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

std::vector<std::int64_t> Wavelet::axes_of(std::int64_t level) const {
  const auto last = static_cast<std::int64_t>(image_.size());
  if (level < levels_along_z_) return {last - 2, last - 1, last};
  return {last - 1, last};
}

Shape Wavelet::band_shape(std::int64_t level) const {
  Shape shape = image_;
  for (std::int64_t l = 0; l <= level && !undecimated_; ++l) {
    for (const std::int64_t axis : axes_of(l)) shape[static_cast<std::size_t>(axis - 1)] /= 2;
  }
  return shape;
}

// The bands of a level by number: bit i is set where a band is the high one along the i-th of its axes.

at::Tensor Wavelet::analyze(const at::Tensor& x) const {
  std::vector<at::Tensor> details;
  at::Tensor approximation = x;
  for (std::int64_t level = 0; level < levels_; ++level) {
    std::vector<at::Tensor> bands = {approximation};
    for (const std::int64_t axis : axes_of(level)) {
      const std::size_t count = bands.size();
      bands.resize(2 * count);
      for (std::size_t i = 0; i < count; ++i) {
        Pair pair = split(bands[i], axis, level);
        bands[i] = std::move(pair.low);
        bands[count + i] = std::move(pair.high);
      }
    }
    for (std::size_t i = 1; i < bands.size(); ++i) details.push_back(bands[i].flatten(1));
    approximation = bands.front();
  }
  details.push_back(approximation.flatten(1));
  return at::cat(details, 1);
}

at::Tensor Wavelet::synthesize(const at::Tensor& coefficients) const {
  std::int64_t end = coefficients.size(1);
  const auto take = [&](std::int64_t level) {
    Shape shape = band_shape(level);
    const std::int64_t count = c10::multiply_integers(shape);
    end -= count;
    shape.insert(shape.begin(), coefficients.size(0));
    return coefficients.narrow(1, end, count).reshape(shape);
  };
  at::Tensor approximation = take(levels_ - 1);
  for (std::int64_t level = levels_ - 1; level >= 0; --level) {
    const std::vector<std::int64_t> axes = axes_of(level);
    std::vector<at::Tensor> bands(std::size_t{1} << axes.size());
    bands.front() = approximation;
    for (std::size_t i = bands.size() - 1; i > 0; --i) bands[i] = take(level);
    for (std::size_t i = axes.size(); i-- > 0;) {
      const std::size_t count = bands.size() / 2;
      for (std::size_t k = 0; k < count; ++k) bands[k] = merge({bands[k], bands[count + k]}, axes[i], level);
      bands.resize(count);
    }
    approximation = bands.front();
  }
  return approximation;
}

at::Tensor Wavelet::penalty(const at::TensorOptions& like) const {
  const auto dtype = c10::toRealValueType(c10::typeMetaToScalarType(like.dtype()));
  std::vector<at::Tensor> bands;
  const auto add = [&](std::int64_t level, std::int64_t bands_of_level, double value) {
    bands.push_back(
        at::full({1, bands_of_level * c10::multiply_integers(band_shape(level))}, value, like.dtype(dtype)));
  };
  std::size_t splits = 0;
  for (std::int64_t level = 0; level < levels_; ++level) {
    const std::size_t axes = axes_of(level).size();
    splits += axes;
    add(level, (std::int64_t{1} << axes) - 1, undecimated_ ? std::exp2(-0.5 * static_cast<double>(splits)) : 1);
  }
  add(levels_ - 1, 1, 0);
  return at::cat(bands, 1);
}

}  // namespace recon
