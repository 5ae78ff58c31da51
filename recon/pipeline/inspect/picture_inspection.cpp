#include "recon/pipeline/inspect/picture_inspection.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "data/image_io.h"

namespace recon {

Inspection inspect_picture(const std::string& path) {
  const std::int64_t pages = picture_pages(path);
  double smallest = std::numeric_limits<double>::infinity(), largest = -smallest;
  StoredPicture stored;
  int bits = -1;
  for (std::int64_t page = 0; page < pages; ++page) {
    stored = read_stored(path, {.page = page});
    smallest = std::min(smallest, stored.planes.min().item<double>());
    largest = std::max(largest, stored.planes.max().item<double>());
    const int used = stored.used_bits();
    bits = used == 0 || bits == 0 ? 0 : std::max(bits, used);  // one page that fills its type decides
  }
  Inspection inspection;
  inspection.found = {{"kind", "picture"},
                      {"path", path},
                      {"pages", pages},
                      {"channels", stored.planes.size(0)},
                      {"size", {stored.planes.size(1), stored.planes.size(2)}},
                      {"minimum", smallest},
                      {"maximum", largest},
                      {"divided_by", stored.full_scale}};
  if (bits > 0) {
    const double white = (1 << bits) - 1;
    inspection.found["note"] = fmt::format(
        "the values end at {:g}, as if they had {} bits; if {:g} is white, simulate and train with image_range: [0, "
        "{:.6g}]",
        largest, bits, white, white / stored.full_scale);
  }
  return inspection;
}

}  // namespace recon
