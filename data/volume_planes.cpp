#include "data/volume_planes.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace recon {

at::Tensor middle_planes(const at::Tensor& image, double black) {
  if (image.dim() != 4) return image;
  constexpr std::int64_t gap = 1;
  const std::int64_t slices = image.size(1), rows = image.size(2), columns = image.size(3);
  const at::Tensor planes[] = {image.select(1, slices / 2), image.select(2, rows / 2), image.select(3, columns / 2)};
  const at::Tensor canvas =
      at::full({image.size(0), std::max(rows, slices), 2 * columns + rows + 2 * gap}, black, image.options());
  std::int64_t left = 0;
  for (const at::Tensor& plane : planes) {
    canvas.narrow(1, 0, plane.size(1)).narrow(2, left, plane.size(2)).copy_(plane);
    left += plane.size(2) + gap;
  }
  return canvas;
}

}  // namespace recon
