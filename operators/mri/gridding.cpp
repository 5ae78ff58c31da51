#include "operators/mri/gridding.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "operators/fourier/fft.h"
#include "operators/kernels/operator_kernels.h"
#include "recon/core/device.h"
#include "recon/core/device_index.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// The error of the kernel falls as exp(-pi w sqrt(1 - 1 / s)) (Barnett, Magland & af Klinteberg 2019); the
/// factor in front, 10^0.7 with the margin that the tests allow, is measured.
int width_for(double accuracy, double oversampling) {
  const double digits_per_line = M_PI / std::log(10.0) * std::sqrt(1 - 1 / oversampling);
  const int width = static_cast<int>(std::ceil((0.7 - std::log10(accuracy)) / digits_per_line));
  if (width > gridding::max_width) {
    throw usage_error("nufft", "accuracy {:g} needs a finer grid than oversampling {:g}", accuracy, oversampling);
  }
  return std::max(width, gridding::min_width);
}

double shape_parameter(std::int64_t width, double oversampling) {
  const double ratio = static_cast<double>(width) / oversampling * (oversampling - 0.5);
  return M_PI * std::sqrt(ratio * ratio - 0.8);
}

/// Its pointers live as long as the axes. `like` has the device and precision of the grid.
template <class Real, class Axis>
gridding::Samples<Real, std::int32_t> samples_at(const Axis& rows, const Axis& columns, const at::Tensor& like) {
  return {.first_row = rows.first.data(),
          .first_column = columns.first.data(),
          .row_weights = rows.weights.like(like).template const_data_ptr<Real>(),
          .column_weights = columns.weights.like(like).template const_data_ptr<Real>(),
          .samples = static_cast<std::int64_t>(rows.first.size()),
          .rows = rows.grid,
          .columns = columns.grid};
}

Shape with_last(const at::Tensor& like, std::int64_t dropped, const Shape& last) {
  Shape shape(like.sizes().begin(), like.sizes().end() - dropped);
  shape.insert(shape.end(), last.begin(), last.end());
  return shape;
}

}  // namespace

/// In the order of gridding::SortedSamples, made when a device first asks for it.
struct Gridding::Sorted {
  std::once_flag once;
  DeviceIndex first_row, first_column, number, start;
  DeviceConstant row_weights, column_weights;
};

Gridding::Gridding(const Shape& image, const at::Tensor& positions, double accuracy, double oversampling)
    : width_(width_for(accuracy, oversampling)), samples_(positions.size(0)), sorted_(std::make_shared<Sorted>()) {
  rows_ = axis_for(image.at(0), positions.select(1, 0), oversampling);
  columns_ = axis_for(image.at(1), positions.select(1, 1), oversampling);
  // fft2_centred divides by the root of the grid's size, the transform is to be divided by that of the image's.
  const double scale =
      std::sqrt(static_cast<double>(rows_.grid * columns_.grid) / static_cast<double>(image[0] * image[1]));
  correction_ = DeviceConstant(scale * rows_.correction.unsqueeze(1) * columns_.correction);
}

Gridding::Axis Gridding::axis_for(std::int64_t size, const at::Tensor& positions, double oversampling) const {
  Axis axis;
  axis.size = size;
  const double least = std::max(oversampling * static_cast<double>(size), 2.0 * static_cast<double>(width_));
  axis.grid = fast_fft_size(static_cast<std::int64_t>(std::ceil(least)));
  const auto grid = static_cast<double>(axis.grid), width = static_cast<double>(width_);
  const double beta = shape_parameter(width_, grid / static_cast<double>(size));
  const at::Tensor location = positions.to(at::kDouble) * (grid / static_cast<double>(size)) + grid / 2;
  const at::Tensor first = at::ceil(location - width / 2);
  const at::Tensor distance =
      (first.unsqueeze(1) + at::arange(width_, at::kDouble) - location.unsqueeze(1)) * (2 / width);
  axis.weights = DeviceConstant(at::special_i0e(beta * (1 - distance.square()).clamp_min(0).sqrt()) *
                                at::exp(beta * ((1 - distance.square()).clamp_min(0).sqrt() - 1)));  // I0 / exp(beta)
  const at::Tensor lines = first.to(at::kInt).contiguous();
  axis.first.assign(lines.const_data_ptr<std::int32_t>(), lines.const_data_ptr<std::int32_t>() + lines.numel());
  // Its transform at u cycles per grid line: w sinh(z) / z, z = sqrt(beta² - (pi w u)²) > 0 within the image.
  const at::Tensor u = (at::arange(size, at::kDouble) - static_cast<double>(size / 2)) / grid;
  const at::Tensor z = (beta * beta - (M_PI * width * u).square()).sqrt();
  axis.correction = (2 / width) * z / (at::exp(z - beta) - at::exp(-z - beta));
  return axis;
}

GriddingTable Gridding::table_like(const at::Tensor& data) const {
  std::call_once(sorted_->once, [&] {
    const auto within = [](const Axis& axis) { return at::tensor(axis.first, at::kLong).remainder(axis.grid); };
    const at::Tensor row = within(rows_), column = within(columns_), entry = row * columns_.grid + column;
    const at::Tensor number = entry.argsort(/*stable=*/true), counts = entry.bincount({}, rows_.grid * columns_.grid);
    sorted_->first_row = DeviceIndex(row.index_select(0, number));
    sorted_->first_column = DeviceIndex(column.index_select(0, number));
    sorted_->number = DeviceIndex(number);
    sorted_->start = DeviceIndex(at::constant_pad_nd(counts.cumsum(0), {1, 0}));
    sorted_->row_weights = DeviceConstant(rows_.weights.value().index_select(0, number));
    sorted_->column_weights = DeviceConstant(columns_.weights.value().index_select(0, number));
  });
  return {.width = width_,
          .rows = rows_.grid,
          .columns = columns_.grid,
          .first_row = sorted_->first_row.on(data.device()),
          .first_column = sorted_->first_column.on(data.device()),
          .number = sorted_->number.on(data.device()),
          .start = sorted_->start.on(data.device()),
          .row_weights = sorted_->row_weights.like(data),
          .column_weights = sorted_->column_weights.like(data)};
}

template <class Real>
void Gridding::interpolate(const at::Tensor& grids, const at::Tensor& samples) const {
  const auto at = samples_at<Real>(rows_, columns_, grids);
  const auto* source = static_cast<const Real*>(grids.const_data_ptr());
  auto* target = static_cast<gridding::Complex<Real>*>(samples.data_ptr());
  const std::int64_t grid_size = 2 * rows_.grid * columns_.grid;
  at::parallel_for(0, grids.numel() * 2 / grid_size, 1, [&](std::int64_t begin, std::int64_t end) {
    gridding::with_width(width_, [&](auto width) {
      for (std::int64_t i = begin; i < end; ++i) {
        for (std::int64_t j = 0; j < samples_; ++j) {
          target[i * samples_ + j] = gridding::interpolated<width()>(at, j, source + i * grid_size);
        }
      }
    });
  });
}

template <class Real>
void Gridding::spread(const at::Tensor& samples, const at::Tensor& grids) const {
  const auto at = samples_at<Real>(rows_, columns_, grids);
  const auto* source = static_cast<const gridding::Complex<Real>*>(samples.const_data_ptr());
  auto* target = static_cast<Real*>(grids.zero_().data_ptr());
  const std::int64_t grid_size = 2 * rows_.grid * columns_.grid;
  // One grid is one thread's: samples of a grid are added in their order.
  at::parallel_for(0, samples.numel() / samples_, 1, [&](std::int64_t begin, std::int64_t end) {
    gridding::with_width(width_, [&](auto width) {
      for (std::int64_t i = begin; i < end; ++i) {
        for (std::int64_t j = 0; j < samples_; ++j) {
          gridding::spread<width()>(at, j, source[i * samples_ + j], target + i * grid_size);
        }
      }
    });
  });
}

at::Tensor Gridding::apply(const at::Tensor& x) const {
  const at::Tensor padded = at::zeros(with_last(x, 2, {rows_.grid, columns_.grid}), x.options());
  padded.narrow(-2, rows_.grid / 2 - rows_.size / 2, rows_.size)
      .narrow(-1, columns_.grid / 2 - columns_.size / 2, columns_.size)
      .copy_(x * correction_.like(x));
  const at::Tensor grids = resolved(fft2_centred(padded));
  const at::Tensor samples = at::empty(with_last(x, 2, {samples_}), grids.options());
  if (!x.is_cpu()) {
    device_backend(x.device()).operator_kernels().interpolate(table_like(grids), grids, samples);
  } else {
    real_dtype(x) == at::kDouble ? interpolate<double>(grids, samples) : interpolate<float>(grids, samples);
  }
  return samples;
}

at::Tensor Gridding::adjoint(const at::Tensor& y) const {
  const at::Tensor samples = resolved(y), grids = at::empty(with_last(y, 1, {rows_.grid, columns_.grid}), y.options());
  if (!y.is_cpu()) {
    device_backend(y.device()).operator_kernels().spread(table_like(grids), samples, grids);
  } else {
    real_dtype(y) == at::kDouble ? spread<double>(samples, grids) : spread<float>(samples, grids);
  }
  const at::Tensor image = ifft2_centred(grids)
                               .narrow(-2, rows_.grid / 2 - rows_.size / 2, rows_.size)
                               .narrow(-1, columns_.grid / 2 - columns_.size / 2, columns_.size);
  return image * correction_.like(image);
}

}  // namespace recon
