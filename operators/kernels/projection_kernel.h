#pragma once

#include <cstdint>

#include "recon/core/host_device.h"

namespace recon {

/// Of the image in pixels, and of the detector.
struct ProjectionSize {
  std::int64_t height = 0, width = 0, bins = 0;
};

// One entry of a projection or back-projection at a time, for devices whose threads each write their own. Both add, in
// double precision, what the loops of projection.h add, in another order. A `View` is a ParallelView or a FanView.
namespace projection {

/// So many images or projections share the weights that are computed on the way.
constexpr int planes_at_once = 4;

/// Sums of `count` planes at once.
struct Sums {
  double of[planes_at_once] = {};
};

/// Bin `bin` of one view: sum of weight x pixel. x [count, height, width].
template <class View, class T>
RECON_HOST_DEVICE inline Sums projected(const View& view, const ProjectionSize& size, std::int64_t bin, const T* x,
                                        int count) {
  const std::int64_t pixels = size.height * size.width;
  const bool rows = view.along_columns(bin);
  const std::int64_t lines = rows ? size.height : size.width, length = rows ? size.width : size.height;
  Sums sums;
  for (std::int64_t line = 0; line < lines; ++line) {
    const auto range = view.pixels(bin, line, length);
    for (std::int64_t i = range.first; i < range.end; ++i) {
      const std::int64_t row = rows ? line : i, column = rows ? i : line;
      const double weight = view.weight(row, column, bin);
      for (int k = 0; k < count; ++k) sums.of[k] += weight * x[k * pixels + row * size.width + column];
    }
  }
  return sums;
}

/// One pixel: sum of weight x bin over all views. y [count, views, bins].
template <class View, class T>
RECON_HOST_DEVICE inline Sums back_projected(const View* views, std::int64_t view_count, const ProjectionSize& size,
                                             std::int64_t row, std::int64_t column, const T* y, int count) {
  Sums sums;
  for (std::int64_t a = 0; a < view_count; ++a) {
    views[a].for_each_bin(row, column, size.bins, [&](std::int64_t j, double weight) {
      for (int k = 0; k < count; ++k) sums.of[k] += weight * y[(k * view_count + a) * size.bins + j];
    });
  }
  return sums;
}

/// Images [planes, height, width] and their projections [planes, views, bins], cut into groups that go together.
struct Planes {
  std::int64_t planes, views;
  ProjectionSize size;

  RECON_HOST_DEVICE std::int64_t groups() const { return (planes + planes_at_once - 1) / planes_at_once; }
  RECON_HOST_DEVICE int count_in(std::int64_t group) const {
    const std::int64_t left = planes - group * planes_at_once;
    return static_cast<int>(left < planes_at_once ? left : planes_at_once);
  }
};

// What one thread does.

/// Of a group's projections, entry i of [views, bins].
template <class View, class T>
RECON_HOST_DEVICE inline void project_one(const View* views, const Planes& all, std::int64_t group, std::int64_t i,
                                          const T* x, T* y) {
  const std::int64_t first = group * planes_at_once, entries = all.views * all.size.bins;
  const int count = all.count_in(group);
  const Sums sums = projected(views[i / all.size.bins], all.size, i % all.size.bins,
                              x + first * all.size.height * all.size.width, count);
  for (int k = 0; k < count; ++k) y[(first + k) * entries + i] = static_cast<T>(sums.of[k]);
}

/// Of a group's images, pixel i.
template <class View, class T>
RECON_HOST_DEVICE inline void back_project_one(const View* views, const Planes& all, std::int64_t group, std::int64_t i,
                                               const T* y, T* x) {
  const std::int64_t first = group * planes_at_once, pixels = all.size.height * all.size.width;
  const int count = all.count_in(group);
  const Sums sums = back_projected(views, all.views, all.size, i / all.size.width, i % all.size.width,
                                   y + first * all.views * all.size.bins, count);
  for (int k = 0; k < count; ++k) x[(first + k) * pixels + i] = static_cast<T>(sums.of[k]);
}

}  // namespace projection
}  // namespace recon
