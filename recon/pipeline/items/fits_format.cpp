// `format: fits`: images of telescopes.
#include <ATen/ATen.h>

#include "data/fits_file.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

struct FitsOptions {
  std::string image;

  void visit(ParameterVisitor& v) {
    v.field("image", image, "its name (EXTNAME) or number among the file's images; default: the first");
  }
};

/// A cube's planes are items.
ExternalFile open_fits(const FitsOptions& options, const std::string& path) {
  const at::Tensor values = read_fits_image(path, options.image).values.to(at::kFloat);
  const at::Tensor planes = values.reshape({-1, 1, values.size(-2), values.size(-1)});
  return {.count = planes.size(0),
          .measurement = spec_of_item(planes),
          .y = [planes](std::int64_t index) { return planes[index]; },
          .arbitrary_units = true};
}

}  // namespace

InputFormat fits_format() {
  InputFormat format = InputFormat::of<FitsOptions>(
      {.name = "fits", .summary = "images of telescopes; planes of a cube are items"}, open_fits);
  format.recognises = is_fits;
  format.estimates_noise = true;
  return format;
}

}  // namespace recon
