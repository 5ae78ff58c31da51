// `format: npz`: archives that numpy.savez() wrote.
#include "data/npz_file.h"
#include "recon/core/tensor_spec.h"
#include "recon/pipeline/items/variable_items.h"

namespace recon {
namespace {

std::vector<std::pair<std::string, std::string>> arrays_of_npz(const std::string& path) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string& name : npz_names(path)) all.emplace_back(name, "array");
  return all;
}

}  // namespace

InputFormat npz_format() {
  return variable_format(
      {.name = "npz", .summary = "an array of numpy.savez: [y, x], [item, y, x] or [item, channel, y, x]"}, is_npz,
      arrays_of_npz);
}

}  // namespace recon
