#include "priors/image_place.h"

#include <ATen/ATen.h>

namespace recon {
namespace {

/// Of one axis. Numerators are whole numbers, so that a part has the very numbers that the whole has there.
at::Tensor along_axis(std::int64_t first, std::int64_t length, std::int64_t whole, std::int64_t block,
                      const at::TensorOptions& options) {
  return at::arange(2 * first + block, 2 * (first + length), 2 * block, options) / whole - 1;
}

}  // namespace

ImagePlace ImagePlace::with_columns_reversed(std::int64_t columns) const {
  return {top, width - left - columns, height, width};
}

ImagePlace ImagePlace::with_rows_reversed(std::int64_t rows) const {
  return {height - top - rows, left, height, width};
}

at::Tensor positions(const std::vector<ImagePlace>& places, std::int64_t height, std::int64_t width, std::int64_t block,
                     const at::TensorOptions& options) {
  std::vector<at::Tensor> all;
  all.reserve(places.size());
  for (const auto& place : places) {
    const at::Tensor x = along_axis(place.left, width, place.width, block, options);
    const at::Tensor y = along_axis(place.top, height, place.height, block, options);
    all.push_back(at::stack({x.expand({y.size(0), -1}), y.unsqueeze(1).expand({-1, x.size(0)})}));
  }
  return at::stack(all);
}

}  // namespace recon
