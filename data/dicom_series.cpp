#include "data/dicom_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace recon {
namespace {

using Vector = std::array<double, 3>;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
double length_of(const Vector& a) { return std::sqrt(dot(a, a)); }
Vector difference(const Vector& a, const Vector& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
Vector along_row(const std::array<double, 6>& o) { return {o[0], o[1], o[2]}; }
Vector down_column(const std::array<double, 6>& o) { return {o[3], o[4], o[5]}; }

Vector normal_of(const std::array<double, 6>& orientation) {
  const Vector r = along_row(orientation), c = down_column(orientation);
  return {r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0]};
}

/// Whether all slices say their place, and lie in parallel.
bool parallel(const std::vector<SlicePlace>& slices) {
  constexpr double tolerance = 1e-4;
  return std::all_of(slices.begin(), slices.end(), [&](const SlicePlace& slice) {
    if (!slice.position || !slice.orientation || !slices.front().orientation) return false;
    for (std::size_t i = 0; i < 6; ++i) {
      if (std::abs((*slice.orientation)[i] - (*slices.front().orientation)[i]) > tolerance) return false;
    }
    return std::abs(length_of(normal_of(*slice.orientation)) - 1) < 1e-2;
  });
}

}  // namespace

std::vector<std::size_t> order_of_slices(const std::vector<SlicePlace>& slices) {
  std::vector<std::size_t> order(slices.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> depth(slices.size(), 0);
  if (parallel(slices)) {
    const Vector normal = normal_of(*slices.front().orientation);
    // To a hundredth of a millimetre: repetitions of one slice stand together.
    for (std::size_t i = 0; i < slices.size(); ++i) depth[i] = std::round(100 * dot(normal, *slices[i].position));
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(depth[a], slices[a].instance) < std::pair(depth[b], slices[b].instance);
  });
  return order;
}

std::optional<ImageGeometry> geometry_of_slices(const std::vector<SlicePlace>& slices, const Shape& size,
                                                std::string& doubt) {
  const SlicePlace& first = slices.front();
  if (!(first.spacing_mm[0] > 0 && first.spacing_mm[1] > 0)) return std::nullopt;
  ImageGeometry geometry;
  geometry.voxel_mm = {first.spacing_mm[1], first.spacing_mm[0], first.thickness_mm > 0 ? first.thickness_mm : 1};
  geometry.height = size[0];
  geometry.width = size[1];
  if (!parallel(slices)) {
    const bool some = std::any_of(slices.begin(), slices.end(), [](const auto& s) { return s.position.has_value(); });
    if (some && slices.size() > 1)
      doubt = "its slices do not lie in parallel: outputs have the size of a pixel, and no orientation";
    return geometry;
  }
  Vector step = normal_of(*first.orientation);
  for (double& value : step) value *= geometry.voxel_mm[2];
  if (slices.size() > 1) {
    const auto steps = static_cast<double>(slices.size() - 1);
    step = difference(*slices.back().position, *first.position);
    for (double& value : step) value /= steps;
    const double distance = length_of(step);
    for (std::size_t i = 0; i < slices.size(); ++i) {
      Vector off = difference(*slices[i].position, *first.position);
      for (std::size_t axis = 0; axis < 3; ++axis) off[axis] -= static_cast<double>(i) * step[axis];
      if (distance > 0 && length_of(off) <= 0.02 * distance) continue;
      doubt = fmt::format(
          "its {} slices are not equally far apart (some missing, or taken several times): outputs have the size of a "
          "pixel, and no orientation",
          slices.size());
      return geometry;
    }
    geometry.voxel_mm[2] = distance;
  }
  // From left and back to right and front: two axes change their sign.
  std::array<double, 12> affine{};
  const Vector row = along_row(*first.orientation), column = down_column(*first.orientation);
  for (std::size_t i = 0; i < 3; ++i) {
    const double sign = i < 2 ? -1 : 1;
    affine[4 * i] = sign * row[i] * geometry.voxel_mm[0];
    affine[4 * i + 1] = sign * column[i] * geometry.voxel_mm[1];
    affine[4 * i + 2] = sign * step[i];
    affine[4 * i + 3] = sign * (*first.position)[i];
  }
  geometry.affine = affine;
  return geometry;
}

}  // namespace recon
