#pragma once

#include <string>

#include "operators/operator.h"
#include "operators/unsuitable_operator.h"

namespace recon {

/// Whether an operator is on volumes [C, D, H, W] and not on images.
inline bool is_of_volumes(const Operator& op) { return op.domain().shape.size() == 4; }

/// Throws UnsuitableOperator naming `instead` where the operator is on volumes: for solvers that know images only.
inline void require_no_volume(const Operator& op, const std::string& location, const std::string& instead) {
  if (!is_of_volumes(op)) return;
  throw UnsuitableOperator(location, "is for images [C, H, W], got volumes {}; use {}", op.domain().to_string(),
                           instead);
}

}  // namespace recon
