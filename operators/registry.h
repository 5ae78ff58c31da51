#pragma once

#include <functional>
#include <string>
#include <vector>

#include "operators/operator.h"
#include "recon/core/parameters.h"

namespace recon {

/// One registered kind of operator: how it is described and built.
struct OperatorKind {
  std::string name;     ///< the `type:` of a config
  std::string summary;  ///< one line for `recon list operators`
  /// Option texts (JSON, which is YAML too) on which the laws run for every kind, valid for real 1x16x16 or 3x12x16.
  std::vector<std::string> examples;
  /// Reads the options from the visitor and builds the operator for images of the given spec. With a visitor that is
  /// not reading(), only visits the options and returns null.
  std::function<OperatorPtr(ParameterVisitor& options, const TensorSpec& image)> make;
};

/// All kinds, sorted by name. An explicit list: static registrars get dropped by the linker.
const std::vector<OperatorKind>& operator_kinds();

/// Adds a kind of one's own, before kinds are first used: plug-ins do. Throws Error(usage) for a name that is taken.
void add_operator_kind(OperatorKind kind);

/// Throws Error(usage) naming the nearest known kind.
const OperatorKind& find_operator_kind(const std::string& name, const std::string& location);

/// Builds the operator whose kind is the visitor's field `type`; used by configs, by measurement files and recursively
/// by compose, sum and stack.
OperatorPtr make_operator(ParameterVisitor& options, const TensorSpec& image);

}  // namespace recon
