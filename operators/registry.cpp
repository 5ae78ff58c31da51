#include "operators/registry.h"

#include <string>

#include "recon/core/error.h"

namespace recon {

const Registry<OperatorKind>& operator_kinds() { return mutable_operator_kinds(); }

OperatorPtr make_operator(ParameterVisitor& options, const TensorSpec& image) {
  std::string type;
  options.field("type", type, "the kind of operator");
  if (type.empty()) {
    throw usage_error(options.location(), "an operator needs a `type`; `recon list operators` shows all");
  }
  return operator_kinds().find(type, options.location()).make(options, image);
}

}  // namespace recon
