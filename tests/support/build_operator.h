#pragma once

#include <string>

#include "operators/registry.h"
#include "tests/support/json_options.h"

namespace recon {

/// The operator that a JSON text describes. Throws Error(usage), also for keys that no option has.
inline OperatorPtr build_operator(const std::string& json, const TensorSpec& image) {
  JsonOptions options(json);
  OperatorPtr op = make_operator(options, image);
  options.finish();
  return op;
}

inline LinearOperatorPtr build_linear(const std::string& json, const TensorSpec& image) {
  return as_linear(build_operator(json, image), "test");
}

}  // namespace recon
