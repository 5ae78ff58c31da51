#include "recon/pipeline/inspect/image_inspection.h"

#include <ATen/ATen.h>

#include "data/image_io.h"
#include "recon/core/tensor_spec.h"

namespace recon {

Inspection inspect_image(const std::string& path) {
  const at::Tensor image = read_image(path, {.alpha = AlphaRule::drop});
  return {.found = {{"kind", "image"},
                    {"path", path},
                    {"shape", to_string(shape_of(image))},
                    {"minimum", image.min().item<double>()},
                    {"maximum", image.max().item<double>()},
                    {"mean", image.mean().item<double>()}}};
}

}  // namespace recon
