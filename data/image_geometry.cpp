#include "data/image_geometry.h"

#include <algorithm>
#include <cmath>

namespace recon {
namespace {

constexpr std::size_t affine_columns = 4;

/// Column `axis` of the matrix times `factor`.
void scale_axis(std::array<double, 12>& affine, std::size_t axis, double factor) {
  for (std::size_t row = 0; row < 3; ++row) affine[affine_columns * row + axis] *= factor;
}

/// The origin goes to `index` along an axis.
void move_origin(std::array<double, 12>& affine, std::size_t axis, double index) {
  for (std::size_t row = 0; row < 3; ++row) {
    affine[affine_columns * row + 3] += affine[affine_columns * row + axis] * index;
  }
}

/// Whether the slices are volumes as they were, each whole.
bool whole_volumes(const std::vector<std::int64_t>& indices, std::int64_t slices) {
  if (slices < 1 || static_cast<std::int64_t>(indices.size()) % slices != 0 || indices.front() % slices != 0) {
    return false;
  }
  for (std::size_t i = 1; i < indices.size(); ++i) {
    if (indices[i] != indices[i - 1] + 1) return false;
  }
  return true;
}

}  // namespace

ImageGeometry on_grid(ImageGeometry geometry, std::int64_t height, std::int64_t width) {
  const std::array<std::int64_t, 2> was = {geometry.width, geometry.height}, is = {width, height};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (was[axis] == 0 || was[axis] == is[axis] || is[axis] == 0) continue;
    const double factor = static_cast<double>(was[axis]) / static_cast<double>(is[axis]);
    geometry.voxel_mm[axis] *= factor;
    if (!geometry.affine) continue;
    move_origin(*geometry.affine, axis, (factor - 1) / 2);  // corners agree, so middles of pixels do not
    scale_axis(*geometry.affine, axis, factor);
  }
  geometry.height = height;
  geometry.width = width;
  return geometry;
}

ImageGeometry of_slices(ImageGeometry geometry, const std::vector<std::int64_t>& indices) {
  if (indices.empty() || whole_volumes(indices, geometry.slices)) return geometry;
  const std::int64_t first = indices.front(), step = indices.size() > 1 ? indices[1] - first : 1;
  const std::int64_t slices = geometry.slices;
  const auto volume = [slices](std::int64_t index) { return slices < 1 ? 0 : index / slices; };
  bool even = step > 0;
  for (std::size_t i = 1; i < indices.size(); ++i) {
    even = even && indices[i] - indices[i - 1] == step && volume(indices[i]) == volume(first);
  }
  geometry.slices = 0;
  geometry.frame_s = 0;
  if (!even) {
    geometry.affine.reset();
    return geometry;
  }
  geometry.voxel_mm[2] *= static_cast<double>(step);
  if (geometry.affine) {
    move_origin(*geometry.affine, 2, static_cast<double>(slices < 1 ? first : first % slices));
    scale_axis(*geometry.affine, 2, static_cast<double>(step));
  }
  return geometry;
}

}  // namespace recon
