#include "operators/mri/gridding.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "operators/fourier/fft.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Kernel widths that have a loop of their own.
constexpr int min_width = 3, max_width = 14;

/// The error of the kernel falls as exp(-pi w sqrt(1 - 1 / s)) (Barnett, Magland & af Klinteberg 2019); the
/// factor in front, 10^0.7 with the margin that the tests allow, is measured.
int width_for(double accuracy, double oversampling) {
  const double digits_per_line = M_PI / std::log(10.0) * std::sqrt(1 - 1 / oversampling);
  const int width = static_cast<int>(std::ceil((0.7 - std::log10(accuracy)) / digits_per_line));
  if (width > max_width) {
    throw usage_error("nufft", "accuracy {:g} needs a finer grid than oversampling {:g}", accuracy, oversampling);
  }
  return std::max(width, min_width);
}

double shape_parameter(std::int64_t width, double oversampling) {
  const double ratio = static_cast<double>(width) / oversampling * (oversampling - 0.5);
  return M_PI * std::sqrt(ratio * ratio - 0.8);
}

/// row(line, weight) for the grid lines that one sample sees; lines beyond an end come back at the other.
template <int Width, class Real, class Row>
void over_rows(std::int64_t first, std::int64_t grid, const Real* weights, const Row& row) {
  for (int a = 0; a < Width; ++a) {
    std::int64_t line = first + a;
    line += line < 0 ? grid : (line >= grid ? -grid : 0);
    row(line, weights[a]);
  }
}

/// One grid, all samples.
template <class Real>
struct Pass {
  const std::int32_t *first_row, *first_column;
  const Real *row_weights, *column_weights;
  std::int64_t samples, rows, columns;
};

/// Its pointers live as long as the axes. `like` has the device and precision of the grid.
template <class Real, class Axis>
Pass<Real> pass_over(const Axis& rows, const Axis& columns, const at::Tensor& like) {
  return {.first_row = rows.first.data(),
          .first_column = columns.first.data(),
          .row_weights = rows.weights.like(like).template const_data_ptr<Real>(),
          .column_weights = columns.weights.like(like).template const_data_ptr<Real>(),
          .samples = static_cast<std::int64_t>(rows.first.size()),
          .rows = rows.grid,
          .columns = columns.grid};
}

template <int Width, class Real>
void interpolate(const Pass<Real>& pass, const Real* grid, Real* out) {
  for (std::int64_t j = 0; j < pass.samples; ++j) {
    const Real* weights = pass.column_weights + j * Width;
    const std::int64_t first = pass.first_column[j];
    const bool inside = first >= 0 && first + Width <= pass.columns;
    Real real = 0, imaginary = 0;
    over_rows<Width>(pass.first_row[j], pass.rows, pass.row_weights + j * Width, [&](std::int64_t line, Real weight) {
      const Real* entries = grid + 2 * line * pass.columns;
      Real row_real = 0, row_imaginary = 0;
      for (int b = 0; b < Width; ++b) {
        std::int64_t column = first + b;
        if (!inside) column += column < 0 ? pass.columns : (column >= pass.columns ? -pass.columns : 0);
        row_real += weights[b] * entries[2 * column];
        row_imaginary += weights[b] * entries[2 * column + 1];
      }
      real += weight * row_real;
      imaginary += weight * row_imaginary;
    });
    out[2 * j] = real;
    out[2 * j + 1] = imaginary;
  }
}

template <int Width, class Real>
void spread_out(const Pass<Real>& pass, const Real* in, Real* grid) {
  for (std::int64_t j = 0; j < pass.samples; ++j) {
    const Real* weights = pass.column_weights + j * Width;
    const std::int64_t first = pass.first_column[j];
    const bool inside = first >= 0 && first + Width <= pass.columns;
    over_rows<Width>(pass.first_row[j], pass.rows, pass.row_weights + j * Width, [&](std::int64_t line, Real weight) {
      Real* entries = grid + 2 * line * pass.columns;
      const Real real = weight * in[2 * j], imaginary = weight * in[2 * j + 1];
      for (int b = 0; b < Width; ++b) {
        std::int64_t column = first + b;
        if (!inside) column += column < 0 ? pass.columns : (column >= pass.columns ? -pass.columns : 0);
        entries[2 * column] += weights[b] * real;
        entries[2 * column + 1] += weights[b] * imaginary;
      }
    });
  }
}

/// work(integral_constant<width>) for the width known at run time: the inner loops have a fixed length.
template <class Work, int... Offsets>
void with_width(std::int64_t width, const Work& work, std::integer_sequence<int, Offsets...>) {
  ((width == min_width + Offsets ? work(std::integral_constant<int, min_width + Offsets>{}) : void()), ...);
}
using Widths = std::make_integer_sequence<int, max_width - min_width + 1>;

Shape with_last(const at::Tensor& like, std::int64_t dropped, const Shape& last) {
  Shape shape(like.sizes().begin(), like.sizes().end() - dropped);
  shape.insert(shape.end(), last.begin(), last.end());
  return shape;
}

}  // namespace

Gridding::Gridding(const Shape& image, const at::Tensor& positions, double accuracy, double oversampling)
    : width_(width_for(accuracy, oversampling)), samples_(positions.size(0)) {
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

template <class Real>
at::Tensor Gridding::interpolated(const at::Tensor& grids) const {
  const at::Tensor in = resolved(grids);
  const at::Tensor out = at::empty(with_last(in, 2, {samples_}), in.options());
  const Pass<Real> pass = pass_over<Real>(rows_, columns_, in);
  const auto* source = static_cast<const Real*>(in.const_data_ptr());
  auto* target = static_cast<Real*>(out.data_ptr());
  const std::int64_t grid_size = 2 * rows_.grid * columns_.grid;
  at::parallel_for(0, in.numel() * 2 / grid_size, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      with_width(
          width_,
          [&](auto width) { interpolate<width(), Real>(pass, source + i * grid_size, target + 2 * i * samples_); },
          Widths{});
    }
  });
  return out;
}

template <class Real>
at::Tensor Gridding::spread(const at::Tensor& y) const {
  const at::Tensor in = resolved(y);
  const at::Tensor out = at::zeros(with_last(in, 1, {rows_.grid, columns_.grid}), in.options());
  const Pass<Real> pass = pass_over<Real>(rows_, columns_, in);
  const auto* source = static_cast<const Real*>(in.const_data_ptr());
  auto* target = static_cast<Real*>(out.data_ptr());
  const std::int64_t grid_size = 2 * rows_.grid * columns_.grid;
  // One grid is one thread's: samples of a grid are added in their order.
  at::parallel_for(0, in.numel() / samples_, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      with_width(
          width_,
          [&](auto width) { spread_out<width(), Real>(pass, source + 2 * i * samples_, target + i * grid_size); },
          Widths{});
    }
  });
  return out;
}

at::Tensor Gridding::apply(const at::Tensor& x) const {
  const at::Tensor on_cpu = x.cpu();
  const at::Tensor padded = at::zeros(with_last(x, 2, {rows_.grid, columns_.grid}), on_cpu.options());
  padded.narrow(-2, rows_.grid / 2 - rows_.size / 2, rows_.size)
      .narrow(-1, columns_.grid / 2 - columns_.size / 2, columns_.size)
      .copy_(on_cpu * correction_.like(on_cpu));
  const at::Tensor grids = fft2_centred(padded);
  const bool is_double = real_dtype(x) == at::kDouble;
  return (is_double ? interpolated<double>(grids) : interpolated<float>(grids)).to(x.device());
}

at::Tensor Gridding::adjoint(const at::Tensor& y) const {
  const at::Tensor on_cpu = y.cpu();
  const at::Tensor grids = real_dtype(y) == at::kDouble ? spread<double>(on_cpu) : spread<float>(on_cpu);
  const at::Tensor image = ifft2_centred(grids)
                               .narrow(-2, rows_.grid / 2 - rows_.size / 2, rows_.size)
                               .narrow(-1, columns_.grid / 2 - columns_.size / 2, columns_.size);
  return (image * correction_.like(on_cpu)).to(y.device());
}

}  // namespace recon
