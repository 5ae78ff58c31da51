// `format: fits`: images of telescopes.
#include <ATen/ATen.h>

#include <cmath>

#include "data/fits_file.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

struct FitsOptions {
  std::string image, error, variance, weight, mask;

  void visit(ParameterVisitor& v) {
    v.field("image", image, "its name (EXTNAME) or number among the file's images; default: the first");
    v.field("error", error, "image of standard deviations (ERR), by name or number");
    v.field("variance", variance, "image of variances (VAR), in place of error");
    v.field("weight", weight, "image of 1 / variance (IVM), in place of error; 0: not measured");
    v.field("mask", mask, "image of flags (DQ), by name or number: entries other than 0 were not measured");
  }
};

/// [planes or 1, 1, H, W], shaped as `values` or as one plane of them.
at::Tensor planes_like(const at::Tensor& values, const std::string& which, const std::string& path) {
  const at::Tensor read = read_fits_image(path, which).values;
  const at::Tensor planes = read.reshape({-1, 1, read.size(-2), read.size(-1)});
  const bool fits =
      planes.sizes().slice(1) == values.sizes().slice(1) && (planes.size(0) == 1 || planes.size(0) == values.size(0));
  if (!fits) {
    throw data_error(path, "the image '{}' is {}, but what was measured is {}", which, to_string(shape_of(read)),
                     to_string(shape_of(values)));
  }
  return planes;
}

/// Standard deviations [planes or 1, 1, H, W]; ones where none are stated.
at::Tensor levels_of(const FitsOptions& options, const at::Tensor& values, const std::string& path) {
  const int stated = static_cast<int>(!options.error.empty()) + static_cast<int>(!options.variance.empty()) +
                     static_cast<int>(!options.weight.empty());
  if (stated > 1) throw usage_error(path, "input: expected one of `error`, `variance` and `weight`, got {}", stated);
  if (!options.error.empty()) return planes_like(values, options.error, path);
  if (!options.variance.empty()) return planes_like(values, options.variance, path).sqrt();
  if (options.weight.empty()) return at::ones({1, 1, values.size(-2), values.size(-1)}, at::kDouble);
  return planes_like(values, options.weight, path).rsqrt();
}

/// A cube's planes are items.
ExternalFile open_fits(const FitsOptions& options, const std::string& path) {
  const at::Tensor values = read_fits_image(path, options.image).values.to(at::kFloat);
  const at::Tensor planes = values.reshape({-1, 1, values.size(-2), values.size(-1)});
  ExternalFile file{.count = planes.size(0),
                    .measurement = spec_of_item(planes),
                    .y = [planes](std::int64_t index) { return planes[index]; },
                    .arbitrary_units = true};
  file.std_map_is_mask = options.error.empty() && options.variance.empty() && options.weight.empty();
  if (file.std_map_is_mask && options.mask.empty()) return file;
  at::Tensor levels = levels_of(options, planes, path), measured = at::ones({1}, at::kBool);
  if (!options.mask.empty()) measured = planes_like(planes, options.mask, path) == 0;
  // An error of 0 is no error that anybody measured: such planes mark bad pixels by it.
  levels = at::where(measured.logical_and(levels > 0), levels, INFINITY).to(at::kFloat);
  file.std_map = [levels](std::int64_t index) { return levels[index]; };
  return file;
}

/// The images of a file, by name or number.
std::vector<std::pair<std::string, std::string>> images_of(const std::string& path) {
  std::vector<std::pair<std::string, std::string>> images;
  for (const FitsImage& image : read_fits(path)) {
    const std::string number = std::to_string(images.size());
    images.emplace_back(image.name.empty() ? number : image.name, to_string(shape_of(image.values)));
  }
  return images;
}

}  // namespace

InputFormat fits_format() {
  InputFormat format = InputFormat::of<FitsOptions>(
      {.name = "fits", .summary = "images of telescopes; planes of a cube are items"}, open_fits);
  format.recognises = is_fits;
  format.estimates_noise = true;
  format.contents = images_of;
  format.choice = "image";
  return format;
}

}  // namespace recon
