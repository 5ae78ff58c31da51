#include "recon/pipeline/items/variable_items.h"

#include <ATen/ATen.h>

#include "data/array_axes.h"
#include "data/array_file.h"
#include "recon/core/error.h"

namespace recon {
namespace {

at::Tensor single_precision(const at::Tensor& values) {
  return values.to(values.is_complex() ? at::kComplexFloat : at::kFloat);
}

}  // namespace

void VariableOptions::visit(ParameterVisitor& v) {
  v.field("variable", variable,
          "the array of the measurements; default: the only one; `recon inspect FILE` lists them");
  v.field("axes", axes,
          "what its axes are, of item, channel, y, x, complex; default: [y, x]; .npz [item, [channel,] y, x]; MATLAB "
          "[y, x, [channel,] item]");
  v.field("ground_truth", ground_truth, "the array of the true images, laid out and scaled like the measurements");
  v.field("image_shape", image_shape,
          "[C, H, W] of the image to be found; default: what the operator needs for such measurements",
          {.min = 1, .max = 0x1p31 - 1});
}

InputFormat variable_format(KindDescription description, std::function<bool(const std::string& path)> recognises,
                            decltype(InputFormat::contents) contents) {
  InputFormat format = InputFormat::of<VariableOptions>(std::move(description), open_variable);
  format.recognises = std::move(recognises);
  format.contents = std::move(contents);
  format.choice = "variable";
  format.estimates_noise = true;
  return format;
}

ExternalFile open_variable(const VariableOptions& options, const std::string& path) {
  const StoredArray array = read_array_file(path, options.variable);
  const std::string place = options.variable.empty() ? path : path + ":/" + options.variable;
  const at::Tensor items = single_precision(items_of_array(array.scaled(), options.axes, usual_axes_of(path), place));
  ExternalFile file{.count = items.size(0),
                    .measurement = spec_of_item(items),
                    .y = [items](std::int64_t index) { return items[index]; },
                    .image_shape = options.image_shape,
                    .full_scale = array.full_scale};
  if (options.ground_truth.empty()) return file;
  const StoredArray stored_truth = read_array_file(path, options.ground_truth);
  const at::Tensor truth = single_precision(items_of_array(stored_truth.values / array.full_scale, {},
                                                           usual_axes_of(path), path + ":/" + options.ground_truth));
  if (truth.size(0) != items.size(0)) {
    throw data_error(path, "'{}' has {} images for {} items; choose another array", options.ground_truth, truth.size(0),
                     items.size(0));
  }
  file.truth = [truth](std::int64_t index) { return truth[index]; };
  return file;
}

}  // namespace recon
