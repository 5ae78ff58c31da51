#include "operators/mri/sense.h"

#include "operators/algebra.h"
#include "operators/fourier/fourier.h"
#include "operators/fourier/sampling_patterns.h"
#include "operators/masks.h"
#include "operators/mri/coil_maps.h"

namespace recon {
namespace {

struct SenseOptions {
  CoilMapOptions coils;
  SamplingPatternOptions sampling;

  void visit(ParameterVisitor& v) {
    coils.visit(v);
    sampling.visit(v);
  }
};

OperatorPtr sense_from(const SenseOptions& options, const TensorSpec& image, const std::string& location) {
  require_image(image, location);
  const at::Tensor mask = options.sampling.on({{1, image.shape[1], image.shape[2]}, ScalarKind::complex}, location);
  return make_sense(image, options.coils.on(image), mask, to_string(options.sampling.pattern), location);
}

}  // namespace

LinearOperatorPtr make_sense(const TensorSpec& image, const at::Tensor& maps, const at::Tensor& mask,
                             const std::string& pattern, const std::string& location) {
  const LinearOperatorPtr coils = make_coil_maps(image, maps, location);
  return as_linear(compose(make_fourier(coils->range(), mask, pattern), coils), location);
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
