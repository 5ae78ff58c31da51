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

at::Tensor slices_in_a_column(const at::Tensor& volume, std::int64_t most_rows) {
  const std::int64_t rows = volume.size(1) * volume.size(2);
  const std::int64_t every = std::max<std::int64_t>(1, (rows + most_rows - 1) / most_rows);
  const at::Tensor some = volume.slice(1, 0, volume.size(1), every);
  return some.reshape({some.size(0), some.size(1) * some.size(2), some.size(3)});
}

}  // namespace recon
