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

at::Tensor checked_mask(const at::Tensor& array, const TensorSpec& image, const std::string& location) {
  require_image(image, location);
  const at::Tensor mask = array.dim() == 2 ? array.unsqueeze(0) : array;
  const bool fits = mask.dim() == 3 && (mask.size(0) == 1 || mask.size(0) == image.shape[0]) &&
                    mask.size(1) == image.shape[1] && mask.size(2) == image.shape[2];
  if (!fits || mask.is_complex()) {
    throw usage_error(location,
                      "expected a real mask [height, width] or [channels, height, width] for an image {}, got {}",
                      to_string(image.shape), to_string(shape_of(array)));
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
