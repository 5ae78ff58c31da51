#include "data/array_file.h"

#include "data/mat_file.h"
#include "data/npy_file.h"
#include "data/npz_file.h"
#include "recon/core/error.h"

namespace recon {

bool is_array_file(const std::string& path) { return is_npy(path) || is_npz(path) || is_mat(path); }

StoredArray read_array_file(const std::string& path, const std::string& variable) {
  if (is_npz(path)) return read_npz(path, variable);
  if (is_mat(path)) return read_mat(path, variable);
  if (!variable.empty()) {
    throw data_error(path, "is a .npy file, which has one array without a name; leave out '{}'", variable);
  }
  return read_npy(path);
}

const std::vector<std::vector<std::string>>& usual_axes_of(const std::string& path) {
  static const std::vector<std::vector<std::string>> numpy = {
      {"y", "x"}, {"item", "y", "x"}, {"item", "channel", "y", "x"}};
  static const std::vector<std::vector<std::string>> matlab = {
      {"y", "x"}, {"y", "x", "item"}, {"y", "x", "channel", "item"}};
  return is_mat(path) ? matlab : numpy;
}

}  // namespace recon
