#include "operators/registry.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "operators/blur/blur.h"
#include "operators/blur/varying_blur.h"
#include "operators/combinations/combination_kinds.h"
#include "operators/demosaicing/demosaicing.h"
#include "operators/fourier/fourier.h"
#include "operators/hadamard/hadamard.h"
#include "operators/identity.h"
#include "operators/inpainting/inpainting.h"
#include "operators/mri/nufft.h"
#include "operators/mri/sense.h"
#include "operators/nonlinear/clipping.h"
#include "operators/nonlinear/fourier_magnitude.h"
#include "operators/nonlinear/quantisation.h"
#include "operators/resampling/super_resolution.h"
#include "operators/tomography/radon.h"
#include "recon/core/error.h"
#include "recon/core/nearest.h"

namespace recon {
namespace {

std::vector<OperatorKind>& mutable_operator_kinds() {
  static std::vector<OperatorKind> kinds{
      blur_kind(),
      clipping_kind(),
      compose_kind(),
      demosaicing_kind(),
      fourier_kind(),
      fourier_magnitude_kind(),
      hadamard_kind(),
      identity_kind(),
      inpainting_kind(),
      nufft_kind(),
      quantisation_kind(),
      radon_kind(),
      scale_kind(),
      sense_kind(),
      stack_kind(),
      sum_kind(),
      super_resolution_kind(),
      varying_blur_kind(),
  };
  return kinds;
}

}  // namespace

const std::vector<OperatorKind>& operator_kinds() { return mutable_operator_kinds(); }

void add_operator_kind(OperatorKind kind) {
  auto& kinds = mutable_operator_kinds();
  const auto place =
      std::lower_bound(kinds.begin(), kinds.end(), kind, [](const auto& a, const auto& b) { return a.name < b.name; });
  if (place != kinds.end() && place->name == kind.name) {
    throw usage_error("operator '" + kind.name + "'", "there is one of this name; give yours another");
  }
  kinds.insert(place, std::move(kind));
}

const OperatorKind& find_operator_kind(const std::string& name, const std::string& location) {
  std::vector<std::string> names;
  for (const OperatorKind& kind : operator_kinds()) {
    if (kind.name == name) return kind;
    names.push_back(kind.name);
  }
  throw usage_error(location, "unknown operator type '{}'{}", name, suggestion(name, names));
}

OperatorPtr make_operator(ParameterVisitor& options, const TensorSpec& image) {
  std::string type;
  options.field("type", type, "the kind of operator");
  if (!options.reading()) return nullptr;
  if (type.empty()) {
    throw usage_error(options.location(), "an operator needs a `type`; `recon list operators` shows all");
  }
  return find_operator_kind(type, options.location()).make(options, image);
}

}  // namespace recon
