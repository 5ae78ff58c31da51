#include "operators/mri/sense.h"

#include "operators/algebra.h"
#include "operators/fourier/fourier.h"
#include "operators/fourier/sampling_patterns.h"
#include "operators/masks.h"
#include "operators/mri/coil_maps.h"

namespace recon {
namespace {

OperatorPtr sense_from_options(ParameterVisitor& visitor, const TensorSpec& image) {
  CoilMapOptions coils;
  SamplingPattern sampling;
  coils.visit(visitor);
  sampling.visit(visitor);
  if (!visitor.reading()) return nullptr;
  const std::string location = visitor.location();
  require_image(image, location);
  const at::Tensor mask = sampling.on({{1, image.shape[1], image.shape[2]}, ScalarKind::complex}, location);
  return make_sense(image, coils.on(image), mask, sampling.pattern, location);
}

}  // namespace

LinearOperatorPtr make_sense(const TensorSpec& image, const at::Tensor& maps, const at::Tensor& mask,
                             const std::string& pattern, const std::string& location) {
  const LinearOperatorPtr coils = make_coil_maps(image, maps, location);
  return as_linear(compose(make_fourier(coils->range(), mask, pattern), coils), location);
}

OperatorKind sense_kind() {
  return {.name = "sense",
          .summary = "multi-coil Cartesian MRI: coil maps, then masked centred Fourier samples",
          .examples = {R"({"type": "sense", "acceleration": 1.5, "seed": 1})",
                       R"({"type": "sense", "pattern": "cartesian_equispaced", "acceleration": 2})",
                       R"({"type": "sense", "coils": 5, "pattern": "full"})"},
          .make = sense_from_options};
}

}  // namespace recon
