#include "data/bart_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <cstring>
#include <filesystem>
#include <sstream>

#include "data/atomic_file.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr std::size_t axes = 16;
constexpr std::int64_t entry_bytes = 8;

std::string base_of(const std::string& path) {
  const bool ending = path.ends_with(".hdr") || path.ends_with(".cfl");
  return ending ? path.substr(0, path.size() - 4) : path;
}

Shape read_sizes(const std::string& path) {
  constexpr std::int64_t max_header_bytes = 1 << 20;
  std::istringstream text(read_whole_file(path, max_header_bytes));
  std::string line;
  while (std::getline(text, line) && !line.starts_with("# Dimensions")) {
  }
  std::getline(text, line);
  std::istringstream numbers(line);
  Shape sizes;
  for (std::int64_t size = 0; numbers >> size;) sizes.push_back(size);
  const bool valid = text && numbers.eof() && !sizes.empty() && sizes.size() <= axes &&
                     *std::min_element(sizes.begin(), sizes.end()) >= 1;
  if (!valid) {
    throw data_error(path, "expected BART's header, '# Dimensions' and a line of 1 to {} sizes >= 1, found '{}'", axes,
                     line.substr(0, 80));
  }
  sizes.resize(axes, 1);
  return sizes;
}

}  // namespace

bool is_bart_file(const std::string& path) { return std::filesystem::is_regular_file(base_of(path) + ".hdr"); }

at::Tensor read_bart(const std::string& path, std::int64_t max_bytes) {
  const std::string base = base_of(path);
  const Shape sizes = read_sizes(base + ".hdr");
  const std::string bytes = read_whole_file(base + ".cfl", max_bytes);
  // Division, not multiplication: sizes of a damaged header may overflow.
  auto entries = static_cast<std::int64_t>(bytes.size()) / entry_bytes;
  bool fits = static_cast<std::int64_t>(bytes.size()) % entry_bytes == 0;
  for (const std::int64_t size : sizes) {
    fits = fits && entries % size == 0;
    entries /= size;
  }
  if (!fits || entries != 1) {
    throw data_error(base + ".cfl", "expected 8 bytes for each entry of {} (the sizes in the .hdr), found {} bytes",
                     fmt::join(sizes, " x "), bytes.size());
  }
  const Shape reversed(sizes.rbegin(), sizes.rend());
  const at::Tensor stored = at::empty(reversed, at::kComplexFloat);
  std::memcpy(stored.data_ptr(), bytes.data(), bytes.size());
  const at::Tensor value = stored.permute({15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  require_finite(value, base + ".cfl");
  return value;
}

at::Tensor bart_slices(const at::Tensor& stored, const std::string& path) {
  constexpr std::int64_t coils = 3, slices = 13;
  for (std::int64_t axis = 3; axis < stored.dim(); ++axis) {
    if (axis != coils && axis != slices && stored.size(axis) > 1) {
      throw data_error(path,
                       "expected two of the axes 0, 1 and 2 (the slice), 3 (coils) and 13 (slices), axis {} has size "
                       "{}",
                       axis, stored.size(axis));
    }
  }
  std::int64_t height = 0, width = 1;
  if (stored.size(2) > 1 && stored.size(1) > 1 && stored.size(0) > 1) {
    throw data_error(path,
                     "expected slices, found a volume of {} x {} x {}; transform its readout (bart fft -i) and take a "
                     "slice across it (bart slice)",
                     stored.size(0), stored.size(1), stored.size(2));
  }
  if (stored.size(2) > 1) {
    height = stored.size(0) > 1 ? 0 : 1;
    width = 2;
  }
  std::vector<std::int64_t> order{slices, coils, height, width};
  for (std::int64_t axis = 0; axis < stored.dim(); ++axis) {
    if (std::find(order.begin(), order.begin() + 4, axis) == order.begin() + 4) order.push_back(axis);
  }
  return stored.permute(order).flatten(4).select(4, 0).contiguous();
}

void write_bart(const std::string& path, const at::Tensor& value) {
  const std::string base = base_of(path);
  if (value.dim() < 1 || value.dim() > static_cast<std::int64_t>(axes) || value.numel() == 0) {
    throw internal_error(base, "expected an array of 1 to {} axes", axes);
  }
  Shape order;
  for (std::int64_t axis = value.dim() - 1; axis >= 0; --axis) order.push_back(axis);
  const at::Tensor stored = resolved(value.cpu().to(at::kComplexFloat).permute(order));
  write_file_atomically(base + ".cfl", {static_cast<const char*>(stored.const_data_ptr()), stored.nbytes()});
  Shape sizes = shape_of(value);
  sizes.resize(axes, 1);
  write_file_atomically(base + ".hdr", fmt::format("# Dimensions\n{} \n", fmt::join(sizes, " ")));
}

}  // namespace recon
