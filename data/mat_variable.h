#pragma once

#include <string>

#include "recon/core/tensor_spec.h"

namespace recon {

/// A variable of a MATLAB file.
struct MatVariable {
  std::string name;
  std::string type;      ///< MATLAB's class: "double", "uint16", "struct"
  Shape shape;           ///< as MATLAB's size(): rows first; empty where it is not known
  bool numbers = false;  ///< whether read_mat() takes it
  bool complex = false;
};

}  // namespace recon
