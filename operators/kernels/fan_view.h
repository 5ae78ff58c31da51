#pragma once

#include <cmath>
#include <cstdint>

#include "operators/kernels/pixel_range.h"
#include "recon/core/host_device.h"

namespace recon {

/// A trapezoid of height 1 by its corners in ascending order.
struct Trapezoid {
  double a, b, c, d;

  /// Of corners in any order.
  RECON_HOST_DEVICE static Trapezoid of(double p, double q, double r, double s) {
    order(p, q);
    order(r, s);
    order(p, r);
    order(q, s);
    order(q, r);
    return {p, q, r, s};
  }

  /// Its integral up to s.
  RECON_HOST_DEVICE double area_up_to(double s) const {
    const double rise = within(s, a, b) - a, flat = within(s, b, c) - b, fall = within(s, c, d) - c;
    double area = flat;
    if (b > a) area += rise * rise / (2 * (b - a));
    if (d > c) area += fall - fall * fall / (2 * (d - c));
    return area;
  }

 private:
  RECON_HOST_DEVICE static void order(double& low, double& high) {
    if (!(high < low)) return;
    const double swapped = low;
    low = high;
    high = swapped;
  }
  RECON_HOST_DEVICE static double within(double s, double low, double high) {
    return s < low ? low : (s > high ? high : s);
  }
};

/// What one angle of a FanProjector (fan_projector.h) sees. For CPUs and GPUs; all doubles, so that many are a table of
/// numbers.
struct FanView {
  double cosine, sine, left, top;      ///< of the angle; x and y of the middle of the first pixel
  double source, detector, bin, zero;  ///< `zero`: the bin, as a number, on which u = 0 falls
  double arc;                          ///< 1: bins at equal angles; 0: on a line
  double by_distance;                  ///< 1: a pixel counts by `source` over its distance from the source

  RECON_HOST_DEVICE double bin_at(double t, double d) const {
    return zero + detector * (arc != 0 ? std::atan2(t, d) : t / d) / bin;
  }

  /// A pixel's shadow in units of bins, and the chord of the ray through its middle, weighted.
  struct Shadow {
    Trapezoid trapezoid;
    double chord;
  };
  RECON_HOST_DEVICE Shadow shadow_of(std::int64_t row, std::int64_t column) const {
    const double x = left + static_cast<double>(column), y = top - static_cast<double>(row);
    const double t = x * cosine + y * sine, d = source - x * sine + y * cosine;
    const double along = 0.5 * (cosine + sine), across = 0.5 * (cosine - sine);
    const double ray_x = std::abs(t * cosine - d * sine), ray_y = std::abs(t * sine + d * cosine);
    return {Trapezoid::of(bin_at(t + along, d + across), bin_at(t - along, d - across), bin_at(t + across, d - along),
                          bin_at(t - across, d + along)),
            (by_distance != 0 ? source : std::hypot(ray_x, ray_y)) / (ray_x > ray_y ? ray_x : ray_y)};
  }

  /// visit(bin, weight) for the bins that see a pixel.
  template <class Visit>
  RECON_HOST_DEVICE void for_each_bin(std::int64_t row, std::int64_t column, std::int64_t bins, Visit visit) const {
    const Shadow shadow = shadow_of(row, column);
    const double first = shadow.trapezoid.a, last = shadow.trapezoid.d;
    const auto count = static_cast<double>(bins);
    if (last <= 0 || first >= count) return;
    const auto begin = static_cast<std::int64_t>(first > 0 ? first : 0);
    const auto end = static_cast<std::int64_t>(last < count - 1 ? last : count - 1) + 1;
    double before = shadow.trapezoid.area_up_to(static_cast<double>(begin));
    for (std::int64_t j = begin; j < end; ++j) {
      const double after = shadow.trapezoid.area_up_to(static_cast<double>(j + 1));
      visit(j, (after - before) * shadow.chord);
      before = after;
    }
  }

  /// The angle at the source of an edge between bins, from the ray through the axis; beyond +-pi/2 there is nothing.
  RECON_HOST_DEVICE double angle_of(double edge) const {
    const double u = (edge - zero) * bin / detector;
    return arc != 0 ? u : std::atan(u);
  }

  /// Whether the ray to the middle of a bin crosses rows in few pixels each; else it crosses columns so.
  RECON_HOST_DEVICE bool along_columns(std::int64_t bin_number) const {
    const double g = angle_of(static_cast<double>(bin_number) + 0.5), c = std::cos(g), s = std::sin(g);
    return std::abs(c * cosine + s * sine) >= std::abs(c * sine - s * cosine);
  }

  /// The pixels of a row (`along_columns`), or of a column, that a bin may see: those that the wedge between the rays
  /// to its edges meets.
  RECON_HOST_DEVICE PixelRange pixels(std::int64_t bin_number, std::int64_t line, std::int64_t count) const {
    const double edge = static_cast<double>(bin_number), g0 = angle_of(edge), g1 = angle_of(edge + 1);
    constexpr double steep = 1.2, wide = 0.3;  // in a wedge beyond these an edge may run along the line: all pixels
    if (std::abs(g0) > steep || std::abs(g1) > steep || std::abs(g1 - g0) > wide) return {0, count};
    const bool rows = along_columns(bin_number);
    const double place = rows ? top - static_cast<double>(line) : left + static_cast<double>(line);
    double low = 0, high = 0;
    for (int corner = 0; corner < 4; ++corner) {
      const double slope = std::tan(corner < 2 ? g0 : g1), side = place + (corner % 2 == 0 ? 0.5 : -0.5);
      // t = slope d, solved for x at y = side, or for y at x = side.
      const double at = rows ? (slope * (source + side * cosine) - side * sine) / (cosine + slope * sine) - left
                             : top - (slope * (source - side * sine) - side * cosine) / (sine - slope * cosine);
      low = corner == 0 || at < low ? at : low;
      high = corner == 0 || at > high ? at : high;
    }
    return PixelRange::between(low - 0.5, high + 0.5, count);
  }

  /// What a bin that may see a pixel makes of it.
  RECON_HOST_DEVICE double weight(std::int64_t row, std::int64_t column, std::int64_t bin_number) const {
    const Shadow shadow = shadow_of(row, column);
    const auto edge = static_cast<double>(bin_number);
    return (shadow.trapezoid.area_up_to(edge + 1) - shadow.trapezoid.area_up_to(edge)) * shadow.chord;
  }
};

}  // namespace recon
