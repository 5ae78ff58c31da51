#include "operators/mri/sense.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "operators/algebra.h"
#include "operators/fourier/fft.h"
#include "operators/fourier/fourier.h"
#include "operators/fourier/sampling_patterns.h"
#include "operators/masks.h"
#include "operators/mri/channels.h"
#include "operators/mri/coil_maps.h"
#include "operators/mri/seen_pixels.h"
#include "recon/core/device_constant.h"
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

/// Fourier samples after coil maps, with a normal operator of its own on the CPU: sum_c S_c^H (F^H M F) S_c x is made
/// coil by coil, so that a coil's image stays in the cache and no transform is centred.
class Sense final : public LinearOperator {
 public:
  Sense(LinearOperatorPtr composed, SharedCoilMaps coils, const at::Tensor& mask)
      : LinearOperator(composed->name(), composed->domain(), composed->range()),
        composed_(std::move(composed)),
        coils_(std::move(coils)),
        filter_(mask) {}

  at::Tensor support() const override { return composed_->support(); }
  bool is_unitary() const override { return composed_->is_unitary(); }
  std::optional<SpectralForm> spectral() const override { return composed_->spectral(); }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return composed_->apply(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return composed_->adjoint(y); }

  at::Tensor do_normal(const at::Tensor& x) const override {
    if (!x.is_cpu()) return composed_->normal(x);
    const at::Tensor maps = coils_.maps.like(x)[0], conjugate = coils_.conjugate.like(x)[0];  // [C, coils, H, W]
    const at::Tensor images = x.to(complex_dtype(x)), sum = at::zeros_like(images);
    const std::int64_t coils = maps.size(1), at_once = std::min<std::int64_t>(coils, at::get_num_threads());
    const at::Tensor work = filter_.work(at_once, images.options());
    for (std::int64_t item = 0; item < x.size(0); ++item) {
      for (std::int64_t coil = 0; coil < coils; coil += at_once) {
        const std::int64_t count = std::min(at_once, coils - coil);
        at::Tensor seen = work.narrow(0, 0, count);
        at::mul_out(seen, maps[0].narrow(0, coil, count), images[item][0]);
        for (std::int64_t s = 1; s < maps.size(0); ++s) seen.addcmul_(maps[s].narrow(0, coil, count), images[item][s]);
        filter_.apply_(seen);
        for (std::int64_t c = 0; c < count; ++c) sum[item].addcmul_(conjugate.select(1, coil + c), seen[c]);
      }
    }
    return domain().scalar == ScalarKind::real ? at::real(sum).contiguous() : sum;
  }

  LinearOperatorPtr composed_;
  SharedCoilMaps coils_;
  ImageFilter filter_;
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
    sense = std::make_shared<Sense>(sense, shared_coil_maps(*coils), mask.view({image.shape[1], -1}));
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
