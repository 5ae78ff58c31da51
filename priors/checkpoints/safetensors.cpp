#include "priors/checkpoints/safetensors.h"

#include <ATen/ATen.h>

#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "priors/checkpoints/safetensors_types.h"
#include "priors/json_fields.h"
#include "recon/core/error.h"

namespace recon {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and read in place");

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxRank = 16;

Shape parse_shape(const nlohmann::json& object, const std::string& tensor, const std::string& location) {
  if (!object.is_array() || object.size() > kMaxRank) {
    throw data_error(location, "tensor '{}': expected a shape of at most {} numbers, got {}", tensor, kMaxRank,
                     object.dump());
  }
  Shape shape;
  std::int64_t product = 1;
  for (const auto& extent : object) {
    if (!extent.is_number_unsigned() || extent.get<std::uint64_t>() > INT64_MAX) {
      throw data_error(location, "tensor '{}': expected extents of 0 or more, got shape {}", tensor, object.dump());
    }
    shape.push_back(extent.get<std::int64_t>());
    // An extent of 0 must not hide an overflow: strides multiply the others.
    if (__builtin_mul_overflow(product, std::max<std::int64_t>(shape.back(), 1), &product)) {
      throw data_error(location, "tensor '{}': shape {} has more elements than can be counted", tensor, object.dump());
    }
  }
  return shape;
}

SafetensorsEntry parse_entry(const std::string& name, const nlohmann::json& object, std::uint64_t data_bytes,
                             const std::string& location) {
  JsonFields fields(object, location + " tensor '" + name + "'");
  SafetensorsEntry entry;
  entry.name = name;
  std::string dtype;
  fields.read("dtype", dtype);
  const SafetensorsType* const type = safetensors_type(dtype);
  if (type == nullptr) {
    throw data_error(location, "tensor '{}': type '{}' is not supported; known are {}", name, dtype,
                     known_safetensors_types());
  }
  entry.dtype = type->dtype;
  entry.shape = parse_shape(fields.take("shape"), name, location);
  std::vector<std::int64_t> offsets;
  fields.read("data_offsets", offsets);
  fields.refuse_the_rest("the safetensors format");
  if (offsets.size() != 2 || offsets[0] < 0 || offsets[1] < offsets[0] ||
      static_cast<std::uint64_t>(offsets[1]) > data_bytes) {
    throw data_error(location, "tensor '{}': expected data_offsets [begin, end] within the {} bytes of data, got {}",
                     name, data_bytes, fields.take("data_offsets").dump());
  }
  entry.begin = static_cast<std::uint64_t>(offsets[0]);
  entry.end = static_cast<std::uint64_t>(offsets[1]);
  std::int64_t wanted = static_cast<std::int64_t>(type->bytes);
  for (const auto extent : entry.shape) {
    if (__builtin_mul_overflow(wanted, extent, &wanted)) wanted = -1;
    if (wanted < 0) break;
  }
  if (offsets[1] - offsets[0] != wanted) {
    throw data_error(location, "tensor '{}': shape {} of {} takes {} bytes, got data_offsets {}", name,
                     to_string(entry.shape), dtype, wanted < 0 ? "too many" : std::to_string(wanted),
                     fields.take("data_offsets").dump());
  }
  return entry;
}

/// Entries in the order of their bytes must tile the data: neither overlap nor leave a gap.
void require_tiling(const std::vector<SafetensorsEntry>& entries, std::uint64_t data_bytes,
                    const std::string& location) {
  std::uint64_t position = 0;
  for (const auto& entry : entries) {
    if (entry.begin != position) {
      throw data_error(location, "tensor '{}': its data begins at byte {}, expected {}: {}", entry.name, entry.begin,
                       position, entry.begin < position ? "tensors overlap" : "bytes between belong to no tensor");
    }
    position = entry.end;
  }
  if (position != data_bytes) {
    throw data_error(location, "{} bytes of data follow the last tensor; the header belongs to another file",
                     data_bytes - position);
  }
}

/// Length of the header, checked against the file.
std::uint64_t header_length(std::string_view bytes, const std::string& location) {
  if (bytes.size() < kLengthBytes) {
    throw data_error(location, "expected a safetensors file, got {} bytes: too short for a header", bytes.size());
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > SafetensorsFile::kMaxHeaderBytes || length > bytes.size() - kLengthBytes) {
    throw data_error(location, "the header claims {} bytes, the file has {} (limit {}): truncated or not safetensors",
                     length, bytes.size() - kLengthBytes, SafetensorsFile::kMaxHeaderBytes);
  }
  return length;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes,
                                           const std::string& location) {
  const nlohmann::json root = parse_json(json, location, 4);
  if (!root.is_object()) throw data_error(location, "expected a JSON object as header, got {}", root.type_name());
  SafetensorsHeader header;
  for (const auto& [name, value] : root.items()) {
    if (name != "__metadata__") {
      header.entries.push_back(parse_entry(name, value, data_bytes, location));
      continue;
    }
    if (!value.is_object()) throw data_error(location, "__metadata__: expected an object, got {}", value.type_name());
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) throw data_error(location, "__metadata__ '{}': expected a text", key);
      header.metadata[key] = text.get<std::string>();
    }
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const auto& a, const auto& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  require_tiling(header.entries, data_bytes, location);
  return header;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path.string()), file_(path) {
  const std::uint64_t length = header_length(file_.bytes(), path_);
  data_start_ = kLengthBytes + length;
  header_ =
      parse_safetensors_header(file_.bytes().substr(kLengthBytes, length), file_.bytes().size() - data_start_, path_);
  for (std::size_t i = 0; i < header_.entries.size(); ++i) index_[header_.entries[i].name] = i;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : index_) names.push_back(name);
  return names;
}

const SafetensorsEntry* SafetensorsFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &header_.entries[found->second];
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const SafetensorsEntry* const entry = find(name);
  if (entry == nullptr) throw data_error(path_, "there is no tensor '{}'", name);
  at::Tensor tensor = at::empty(entry->shape, at::TensorOptions().dtype(entry->dtype));
  // Copied bytewise: the format does not promise that data is aligned.
  if (entry->end > entry->begin) {
    std::memcpy(tensor.data_ptr(), file_.bytes().data() + data_start_ + entry->begin, entry->end - entry->begin);
  }
  return tensor;
}

}  // namespace recon
