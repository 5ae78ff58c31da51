#pragma once

#include "operators/operator_kind.h"
#include "recon/core/registry.h"

namespace recon {

/// All kinds of operators, sorted by name.
const Registry<OperatorKind>& operator_kinds();
/// The same, to add kinds of one's own to (Registry::add); before they are first used.
Registry<OperatorKind>& mutable_operator_kinds();

/// Builds the operator whose kind is the visitor's field `type`; used by configs, by measurement files and recursively
/// by compose, sum and stack. Throws Error(usage) naming the nearest known kind.
OperatorPtr make_operator(ParameterVisitor& options, const TensorSpec& image);

}  // namespace recon
