#pragma once

#include <functional>
#include <string>
#include <vector>

#include "recon/core/parameters.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {

/// Options of formats whose files hold several arrays (.npz, MATLAB).
struct VariableOptions {
  std::string variable;
  std::vector<std::string> axes;
  std::string ground_truth;
  Shape image_shape;

  void visit(ParameterVisitor& v);
};

/// A format of such files, whose data have the noise that is found in them: `contents` as InputFormat::contents.
InputFormat variable_format(KindDescription description, std::function<bool(const std::string& path)> recognises,
                            decltype(InputFormat::contents) contents);

/// The items of one of its arrays (data/array_file.h), and their truth in another one.
ExternalFile open_variable(const VariableOptions& options, const std::string& path);

}  // namespace recon
