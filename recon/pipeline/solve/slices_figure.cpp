#include "recon/pipeline/solve/slices_figure.h"

#include <ATen/ATen.h>

#include "data/image_io.h"
#include "data/volume_planes.h"
#include "recon/report/html.h"

namespace recon {
namespace {

constexpr std::int64_t most_rows = 16383;  ///< of a WebP file

}  // namespace

std::string slices_figure(const std::string& group, const at::Tensor& image, const ImageRange& range) {
  if (image.dim() != 4) return "";
  const at::Tensor column = slices_in_a_column(image, most_rows);
  return html_slices({.group = group,
                      .picture = webp_bytes({"", column, range}),
                      .slices = column.size(1) / image.size(2),
                      .width = image.size(3),
                      .height = image.size(2)});
}

}  // namespace recon
