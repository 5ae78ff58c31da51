// `format: npy`: arrays that numpy.save() wrote.
#include <ATen/ATen.h>

#include "data/npy_file.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

struct NpyOptions {
  Shape image_shape;

  void visit(ParameterVisitor& v) {
    v.field("image_shape", image_shape,
            "[C, H, W] of the image to be found; default: what the operator needs for such measurements",
            {.min = 1, .max = 0x1p31 - 1});
  }
};

/// [y, x], [item, y, x] or [item, channel, y, x].
ExternalFile open_npy(const NpyOptions& options, const std::string& path) {
  const StoredArray array = read_npy(path);
  at::Tensor values = array.scaled();
  if (values.dim() < 2 || values.dim() > 4 || values.numel() == 0) {
    throw data_error(path, "expected an array [y, x], [item, y, x] or [item, channel, y, x], got {}",
                     to_string(Shape(values.sizes().vec())));
  }
  values = values.to(values.is_complex() ? at::kComplexFloat : at::kFloat);
  if (values.dim() == 2) values = values.unsqueeze(0);
  if (values.dim() == 3) values = values.unsqueeze(1);
  return {.count = values.size(0),
          .measurement = spec_of_item(values),
          .y = [values](std::int64_t index) { return values[index]; },
          .image_shape = options.image_shape,
          .full_scale = array.full_scale};
}

}  // namespace

InputFormat npy_format() {
  InputFormat format = InputFormat::of<NpyOptions>(
      {.name = "npy", .summary = "arrays of numpy.save: [y, x], [item, y, x] or [item, channel, y, x]"}, open_npy);
  format.recognises = is_npy;
  format.estimates_noise = true;
  return format;
}

}  // namespace recon
