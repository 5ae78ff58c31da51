#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "recon/core/host_device.h"

// The arithmetic of Gridding (gridding.h), one sample or one entry of a grid at a time, for CPUs and GPUs.
namespace recon::gridding {

/// Kernel widths that have a loop of their own.
constexpr int min_width = 3, max_width = 14;

/// work(integral_constant<width>) for the width known at run time: the inner loops have a fixed length.
template <class Work, int... Offsets>
void with_width(std::int64_t width, const Work& work, std::integer_sequence<int, Offsets...>) {
  ((width == min_width + Offsets ? work(std::integral_constant<int, min_width + Offsets>{}) : void()), ...);
}
template <class Work>
void with_width(std::int64_t width, const Work& work) {
  with_width(width, work, std::make_integer_sequence<int, max_width - min_width + 1>{});
}

/// As two numbers of ATen's complex tensors.
template <class Real>
struct Complex {
  Real real, imaginary;
};

/// Where samples lie on a grid of `rows` x `columns`: the first line of each axis that a sample sees (one before the
/// grid or beyond its end comes back at the other end), and the weights of `Width` lines, [samples, Width].
template <class Real, class Index>
struct Samples {
  const Index *first_row, *first_column;
  const Real *row_weights, *column_weights;
  std::int64_t samples, rows, columns;
};

/// A line up to one length before 0 or beyond the end.
RECON_HOST_DEVICE inline std::int64_t wrapped(std::int64_t line, std::int64_t lines) {
  return line < 0 ? line + lines : (line >= lines ? line - lines : line);
}

/// Sample j: the weighted sum of the Width x Width entries of one grid that it sees.
template <int Width, class Real, class Index>
RECON_HOST_DEVICE inline Complex<Real> interpolated(const Samples<Real, Index>& at, std::int64_t j, const Real* grid) {
  const Real* weights = at.column_weights + j * Width;
  const std::int64_t first = at.first_column[j];
  const bool inside = first >= 0 && first + Width <= at.columns;
  Complex<Real> sum{0, 0};
  for (int a = 0; a < Width; ++a) {
    const Real* entries = grid + 2 * wrapped(at.first_row[j] + a, at.rows) * at.columns;
    const Real weight = at.row_weights[j * Width + a];
    Complex<Real> row{0, 0};
    for (int b = 0; b < Width; ++b) {
      const std::int64_t column = inside ? first + b : wrapped(first + b, at.columns);
      row.real += weights[b] * entries[2 * column];
      row.imaginary += weights[b] * entries[2 * column + 1];
    }
    sum.real += weight * row.real;
    sum.imaginary += weight * row.imaginary;
  }
  return sum;
}

/// Adds sample j, `value`, to the entries of one grid that see it: the transpose, sample by sample.
template <int Width, class Real, class Index>
inline void spread(const Samples<Real, Index>& at, std::int64_t j, Complex<Real> value, Real* grid) {
  const Real* weights = at.column_weights + j * Width;
  const std::int64_t first = at.first_column[j];
  const bool inside = first >= 0 && first + Width <= at.columns;
  for (int a = 0; a < Width; ++a) {
    Real* entries = grid + 2 * wrapped(at.first_row[j] + a, at.rows) * at.columns;
    const Real weight = at.row_weights[j * Width + a];
    const Complex<Real> part{weight * value.real, weight * value.imaginary};
    for (int b = 0; b < Width; ++b) {
      const std::int64_t column = inside ? first + b : wrapped(first + b, at.columns);
      entries[2 * column] += weights[b] * part.real;
      entries[2 * column + 1] += weights[b] * part.imaginary;
    }
  }
}

/// Samples in the order of the entry of the grid that they see first, row by row; all first lines are within the grid.
/// `at` is in that order; sample `number[i]` of the data is the i-th. Those whose first entry is e are
/// start[e] <= i < start[e + 1].
template <class Real>
struct SortedSamples {
  Samples<Real, std::int64_t> at;
  const std::int64_t *number, *start;
};

/// Entry (row, column) of one grid: the weighted sum of the samples that see it, always in the same order. The
/// transpose entry by entry, where threads would meet in spread().
template <int Width, class Real>
RECON_HOST_DEVICE inline Complex<Real> gathered(const SortedSamples<Real>& sorted, std::int64_t row,
                                                std::int64_t column, const Real* samples) {
  const auto& at = sorted.at;
  Complex<Real> sum{0, 0};
  for (int a = 0; a < Width; ++a) {
    const std::int64_t* const start = sorted.start + wrapped(row - a, at.rows) * at.columns;
    // First columns from column - Width + 1 to column; what lies before 0 is the end of the row.
    const std::int64_t least = column - Width + 1;
    for (int part = least < 0 ? 0 : 1; part < 2; ++part) {
      const std::int64_t begin = part == 0 ? at.columns + least : (least < 0 ? 0 : least);
      const std::int64_t end = part == 0 ? at.columns : column + 1, turn = part == 0 ? at.columns : 0;
      for (std::int64_t i = start[begin]; i < start[end]; ++i) {
        const std::int64_t b = column + turn - at.first_column[i], j = sorted.number[i];
        const Real weight = at.row_weights[i * Width + a] * at.column_weights[i * Width + b];
        sum.real += weight * samples[2 * j];
        sum.imaginary += weight * samples[2 * j + 1];
      }
    }
  }
  return sum;
}

// What one thread does of many grids [n, rows, columns] and their samples [n, samples], all complex.

/// Of grid n, the i-th of the sorted samples.
template <int Width, class Real>
RECON_HOST_DEVICE inline void interpolate_one(const SortedSamples<Real>& sorted, std::int64_t n, std::int64_t i,
                                              const Real* grids, Real* samples) {
  const Complex<Real> sum = interpolated<Width>(sorted.at, i, grids + 2 * n * sorted.at.rows * sorted.at.columns);
  Real* const to = samples + 2 * (n * sorted.at.samples + sorted.number[i]);
  to[0] = sum.real;
  to[1] = sum.imaginary;
}

/// Of grid n, one entry.
template <int Width, class Real>
RECON_HOST_DEVICE inline void gather_one(const SortedSamples<Real>& sorted, std::int64_t n, std::int64_t entry,
                                         const Real* samples, Real* grids) {
  const auto& at = sorted.at;
  const Complex<Real> sum =
      gathered<Width>(sorted, entry / at.columns, entry % at.columns, samples + 2 * n * at.samples);
  Real* const to = grids + 2 * (n * at.rows * at.columns + entry);
  to[0] = sum.real;
  to[1] = sum.imaginary;
}

}  // namespace recon::gridding
