#include "data/schema.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include "recon/core/error.h"

namespace recon {

void write_format(hdf5::Group& root, const std::string& format, std::uint64_t version) {
  root.set_attribute("format", format);
  root.set_attribute("version", version);
}

void require_format(const hdf5::Group& root, const std::string& format, std::uint64_t version) {
  if (!root.has_attribute("format")) {
    throw data_error(root.location(),
                     "expected attribute format = '{}', there is none; see data/FORMAT.md for how to make such a file, "
                     "recon/docs/own_files.md for reading one of another program",
                     format);
  }
  const std::string found = root.text_attribute("format");
  if (found != format) {
    throw data_error(root.location(), "expected format '{}', got '{}'; give another file", format, found);
  }
  const std::uint64_t found_version = root.uint64_attribute("version");
  if (found_version < 1 || found_version > version) {
    throw data_error(root.location(), "expected version 1 to {} of {}, got {}; use a newer recon or correct the file",
                     version, format, found_version);
  }
}

void write_image_range(hdf5::Group& root, const ImageRange& range) {
  root.set_attribute("image_range", std::vector<double>{range.low, range.high});
}

ImageRange read_image_range(const hdf5::Group& root) {
  const auto range = root.numbers_attribute("image_range");
  const bool ok = range.size() == 2 && std::isfinite(range[0]) && std::isfinite(range[1]) && range[0] < range[1];
  if (ok) return {range[0], range[1]};
  throw data_error(root.location(), "expected image_range = [low, high] with low < high, got [{}]; correct it",
                   fmt::join(range, ", "));
}

void write_text_map(hdf5::Group& root, const std::string& name, const std::map<std::string, std::string>& texts) {
  auto group = root.create_group(name);
  for (const auto& [key, text] : texts) group.set_attribute(key, text);
}

std::map<std::string, std::string> read_text_map(const hdf5::Group& root, const std::string& name) {
  const auto group = root.group(name);
  std::map<std::string, std::string> texts;
  for (const auto& key : group.attribute_names()) texts.emplace(key, group.text_attribute(key));
  return texts;
}

std::vector<std::string> default_ids(std::int64_t count) {
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(std::to_string(i));
  return ids;
}

std::vector<std::string> read_ids(const hdf5::Dataset& ids) {
  if (ids.is_text()) return ids.read_strings();
  const at::Tensor numbers = ids.read();
  if (numbers.dim() != 1 || !c10::isIntegralType(numbers.scalar_type(), false)) {
    throw data_error(ids.location(), "expected a list of texts or integers, got {} of shape {}; store strings",
                     c10::toString(numbers.scalar_type()), to_string(ids.shape()));
  }
  const at::Tensor wide = numbers.to(at::kLong);
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < wide.numel(); ++i)
    texts.push_back(std::to_string(wide.const_data_ptr<std::int64_t>()[i]));
  return texts;
}

}  // namespace recon
