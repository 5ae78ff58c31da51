// `format: mat`: a variable of a MATLAB file.
#include "data/mat_file.h"
#include "recon/core/tensor_spec.h"
#include "recon/pipeline/items/variable_items.h"

namespace recon {
namespace {

std::vector<std::pair<std::string, std::string>> variables_of_mat(const std::string& path) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const MatVariable& variable : mat_variables(path)) {
    all.emplace_back(variable.name, fmt::format("{}{} {}", variable.complex ? "complex " : "", variable.type,
                                                to_string(variable.shape)));
  }
  return all;
}

}  // namespace

InputFormat mat_format() {
  return variable_format(
      {.name = "mat",
       .summary = "a variable of a MATLAB file (-v7, -v7.3): [y, x], [y, x, item] or [y, x, channel, item]"},
      is_mat, variables_of_mat);
}

}  // namespace recon
