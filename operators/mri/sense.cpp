#include "operators/mri/sense.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "operators/algebra.h"
#include "operators/fourier/fourier.h"
#include "operators/fourier/sampling_patterns.h"
#include "operators/masks.h"
#include "operators/mri/channels.h"
#include "operators/mri/coil_maps.h"
#include "operators/mri/coilwise_normal.h"
#include "operators/mri/seen_pixels.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

/// What a measurement file of whitened, compressed or unequally averaged data adds to its operator.
struct ProcessedData {
  at::Tensor file_coils, sample_weights;

  void visit(ParameterVisitor& v) {
    v.array("file_coils", file_coils,
            "matrix [coils of the file, coils] that takes whitened or compressed coils back: the maps are scaled to "
            "sum |file_coils S|² = 1 per pixel, so that the image is that of the file's own coils");
    v.array("sample_weights", sample_weights,
            "factors [height, width] that the samples were multiplied by so that their noise is of one level, as the "
            "root of their number of averages");
  }

  at::Tensor on_maps(const at::Tensor& maps, const std::string& location) const {
    if (!file_coils.defined()) return maps;
    if (file_coils.dim() != 2 || maps.dim() != 3 || file_coils.size(1) != maps.size(0)) {
      throw usage_error(location, "file_coils: expected a matrix [coils of the file, {}], got {}",
                        maps.dim() == 3 ? maps.size(0) : 0, to_string(shape_of(file_coils)));
    }
    return in_units_of_file_coils(file_coils, maps);
  }

  OperatorPtr on_operator(const OperatorPtr& op, const std::string& location) const {
    if (!sample_weights.defined()) return op;
    const Shape grid(op->range().shape.begin() + 1, op->range().shape.end());
    const bool fits = !sample_weights.is_complex() && shape_of(sample_weights) == grid;
    if (!fits || !(sample_weights >= 0).all().item<bool>()) {
      throw usage_error(location, "sample_weights: expected numbers >= 0, {}, got {}", to_string(grid),
                        to_string(shape_of(sample_weights)));
    }
    return whitened(op, sample_weights.to(at::kCPU, at::kDouble).unsqueeze(0).unsqueeze(0));
  }
};

struct SenseOptions {
  CoilMapOptions coils;
  SamplingPatternOptions sampling;
  ProcessedData processed;

  void visit(ParameterVisitor& v) {
    coils.visit(v);
    sampling.visit(v);
    processed.visit(v);
  }
};

OperatorPtr sense_from(const SenseOptions& options, const TensorSpec& image, const std::string& location) {
  require_image_or_volume(image, location);
  TensorSpec grid = image;
  grid.shape[0] = 1;
  const at::Tensor mask = options.sampling.on(grid, location);
  const at::Tensor maps = options.processed.on_maps(options.coils.on(image), location);
  const LinearOperatorPtr sense = make_sense(image, maps, mask, to_string(options.sampling.pattern), location);
  const LinearOperatorPtr weighted = as_linear(options.processed.on_operator(sense, location), location);
  const at::Tensor seen = seen_pixels(*sense);
  return seen.defined() && weighted != sense ? with_seen_pixels(weighted, seen) : weighted;
}

}  // namespace

LinearOperatorPtr make_sense(const TensorSpec& image, const at::Tensor& maps, const at::Tensor& mask,
                             const std::string& pattern, const std::string& location) {
  const LinearOperatorPtr coils = make_coil_maps(image, maps, location);
  const LinearOperatorPtr fourier = make_fourier(coils->range(), mask, pattern);
  LinearOperatorPtr sense = as_linear(compose(fourier, coils), location);
  const bool image_of_one_mask = image.shape.size() == 3 && mask.numel() == image.shape[1] * image.shape[2];
  if (image_of_one_mask) {
    sense = with_coilwise_normal(sense, shared_coil_maps(*coils), mask.view({image.shape[1], -1}));
  }
  const bool one_set = maps.dim() == static_cast<std::int64_t>(image.shape.size());
  const at::Tensor seen = (one_set ? maps.unsqueeze(0) : maps).ne(0).any(1);
  return seen.all().item<bool>() ? sense : with_seen_pixels(sense, seen);
}

OperatorKind sense_kind() {
  return OperatorKind::of<SenseOptions>(
      {.name = "sense",
       .summary = "multi-coil Cartesian MRI: coil maps, then masked centred Fourier samples",
       .examples = {R"({"type": "sense", "acceleration": 1.5, "seed": 1})",
                    R"({"type": "sense", "pattern": "cartesian_equispaced", "acceleration": 2})",
                    R"({"type": "sense", "coils": 5, "pattern": "full"})"}},
      sense_from);
}

}  // namespace recon
