#include "data/mat_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>

#include "data/atomic_file.h"
#include "data/hdf5/hdf5_file.h"
#include "data/mat_level5.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* class_attribute = "MATLAB_class";

/// MATLAB's class, or what HDF5 calls the type of a dataset that MATLAB did not write.
std::string class_of(const hdf5::Dataset& dataset) {
  return dataset.has_attribute(class_attribute) ? dataset.text_attribute(class_attribute) : dataset.type_name();
}

/// Of a 7.3 file: what MATLAB itself hides in it is left out.
std::vector<MatVariable> variables_of(const hdf5::File& file) {
  std::vector<MatVariable> all;
  for (const std::string& name : file.names()) {
    if (name.starts_with("#")) continue;
    MatVariable variable{.name = name, .type = "struct", .shape = {}};
    if (!file.is_group(name)) {
      const hdf5::Dataset dataset = file.dataset(name);
      variable.type = class_of(dataset);
      variable.shape.assign(dataset.shape().rbegin(), dataset.shape().rend());
      try {
        variable.complex = c10::isComplexType(dataset.dtype());
        variable.numbers = !dataset.has_attribute("MATLAB_empty") && variable.type != "char" && variable.type != "cell";
      } catch (const Error&) {
        variable.numbers = false;  // cells, strings: `type` says what it is
      }
    }
    all.push_back(std::move(variable));
  }
  return all;
}

StoredArray read_hdf5_variable(const hdf5::File& file, const std::string& name) {
  const hdf5::Dataset dataset = file.dataset(name);
  if (dataset.is_text()) throw data_error(dataset.location(), "holds text, expected numbers; choose another variable");
  if (dataset.has_attribute("MATLAB_empty")) throw data_error(dataset.location(), "is empty; choose another variable");
  const std::string type = dataset.type_name(), name_of_class = class_of(dataset);
  at::Tensor values = dataset.read();
  if (!values.is_complex() && values.scalar_type() != at::kFloat) values = values.to(at::kDouble);
  at::DimVector axes;  // MATLAB's arrays have their first index fastest, HDF5's the last
  for (std::int64_t axis = values.dim(); axis-- > 0;) axes.push_back(axis);
  const double full_scale = type == "8-bit unsigned integer" ? 255 : type == "16-bit unsigned integer" ? 65535 : 1;
  const bool logical = name_of_class == "logical";  // stored as uint8
  return {.values = values.permute(axes).contiguous(), .full_scale = logical ? 1 : full_scale};
}

std::string begin_of(const std::string& path) {
  std::string begin(128, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(begin.data(), static_cast<std::streamsize>(begin.size()))) return "";
  return begin;
}

/// The name itself, or that of the only variable of numbers.
std::string chosen_variable(const std::vector<MatVariable>& all, const std::string& name, const std::string& path) {
  std::vector<std::string> numeric, names;
  for (const MatVariable& variable : all) {
    names.push_back(variable.name);
    if (variable.numbers) numeric.push_back(variable.name);
  }
  if (name.empty()) {
    if (numeric.empty()) throw data_error(path, "has no variable of numbers, only {}", fmt::join(names, ", "));
    if (numeric.size() == 1) return numeric.front();
    throw data_error(path, "has several variables: {}; say which by `variable: NAME`", fmt::join(numeric, ", "));
  }
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  if (found == all.end()) throw data_error(path, "has no variable '{}', only {}", name, fmt::join(names, ", "));
  if (!found->numbers) {
    throw data_error(path, "its variable '{}' is of class {}, expected full numbers{}", name, found->type,
                     found->type == "sparse"   ? "; save full(...) of it"
                     : found->type == "struct" ? "; save its fields: save('FILE', '-struct', ...)"
                                               : "");
  }
  return name;
}

}  // namespace

bool is_mat(const std::string& path) {
  const std::string begin = begin_of(path);
  if (mat5::begins_so(begin)) return true;
  return begin.starts_with("MATLAB 7.3 MAT-file") && hdf5::File::looks_like_hdf5(path);
}

std::vector<MatVariable> mat_variables(const std::string& path) {
  if (hdf5::File::looks_like_hdf5(path)) return variables_of(hdf5::File::open(path));
  const std::string bytes = read_whole_file(path, std::int64_t{16} << 30);
  if (!mat5::begins_so(bytes)) {
    throw data_error(path, "expected a MATLAB file of -v7 or -v7.3, it does not begin as one; save it again by -v7");
  }
  return mat5::variables(bytes, path);
}

StoredArray read_mat(const std::string& path, const std::string& name, std::int64_t max_bytes) {
  if (hdf5::File::looks_like_hdf5(path)) {
    const hdf5::File file = hdf5::File::open(path, {.max_bytes = max_bytes});
    if (name.find('/') != std::string::npos) return read_hdf5_variable(file, name);
    return read_hdf5_variable(file, chosen_variable(variables_of(file), name, path));
  }
  const std::string bytes = read_whole_file(path, max_bytes);
  if (!mat5::begins_so(bytes)) {
    throw data_error(path, "expected a MATLAB file of -v7 or -v7.3, it does not begin as one; save it again by -v7");
  }
  return mat5::read(bytes, chosen_variable(mat5::variables(bytes, path), name, path), path, max_bytes);
}

}  // namespace recon
