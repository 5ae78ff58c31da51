#include "operators/masks.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {

void require_image(const TensorSpec& image, const std::string& location) {
  if (image.shape.size() != 3) {
    throw usage_error(location, "expected an image [channels, height, width], got {}{}", image.to_string(),
                      image.shape.size() == 4 ? ", a volume; use `slices` with this operator in `of`" : "");
  }
}

void require_image_or_volume(const TensorSpec& image, const std::string& location) {
  if (image.shape.size() == 3 || image.shape.size() == 4) return;
  throw usage_error(location,
                    "expected an image [channels, height, width] or a volume [channels, slices, height, width], got {}",
                    image.to_string());
}

at::Tensor checked_mask(const at::Tensor& array, const TensorSpec& image, const std::string& location) {
  require_image_or_volume(image, location);
  const auto rank = static_cast<std::int64_t>(image.shape.size());
  const at::Tensor mask = array.dim() == rank - 1 ? array.unsqueeze(0) : array;
  Shape wanted = image.shape;
  if (mask.dim() == rank && mask.size(0) == 1) wanted[0] = 1;
  if (shape_of(mask) != wanted || mask.is_complex()) {
    const char* grid = rank == 3 ? "height, width" : "slices, height, width";
    throw usage_error(location, "expected a real mask [{0}] or [channels, {0}] for {1} {2}, got {3}", grid,
                      rank == 3 ? "an image" : "a volume", to_string(image.shape), to_string(shape_of(array)));
  }
  const at::Tensor values = mask.to(at::kCPU, at::kDouble);
  if (!at::logical_or(values == 0, values == 1).all().item<bool>()) {
    throw usage_error(location, "a mask holds 1 (measured) and 0 (not measured), got values from {:.3g} to {:.3g}",
                      values.min().item<double>(), values.max().item<double>());
  }
  if (values.sum().item<double>() == 0) throw usage_error(location, "the mask measures nothing: all its entries are 0");
  return values;
}

std::vector<std::int64_t> random_order(std::int64_t count, std::int64_t seed, const std::string& stream) {
  const Rng rng(static_cast<std::uint64_t>(seed), stream);
  const at::Tensor keys = rng.uniform({StreamKey{}}, 0, {{count}, ScalarKind::real})[0];
  const at::Tensor order = std::get<1>(at::sort(keys, /*stable=*/true, 0, false));
  const auto* values = order.const_data_ptr<std::int64_t>();
  return {values, values + count};
}

}  // namespace recon
