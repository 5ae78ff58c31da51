#include "data/mat_level5.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "data/byte_order.h"
#include "data/gzip.h"
#include "recon/core/error.h"

namespace recon::mat5 {
namespace {

constexpr std::size_t mat_header_bytes = 128, tag_bytes = 8;
constexpr std::size_t description_bytes = std::size_t{1} << 16;  ///< flags, sizes and name of a variable are shorter
constexpr std::int64_t most_variables = 100'000;

// Data types of elements, and classes of arrays.
enum ElementType : std::uint32_t { type_int8 = 1, type_int32 = 5, type_uint32 = 6, type_matrix = 14, type_packed = 15 };
enum ArrayClass : std::uint32_t {
  class_sparse = 5,
  class_double = 6,
  class_uint8 = 9,
  class_uint16 = 11,
  class_last = 15
};
constexpr std::array<const char*, 18> class_names = {"?",      "cell",   "struct", "object", "char",     "sparse",
                                                     "double", "single", "int8",   "uint8",  "int16",    "uint16",
                                                     "int32",  "uint32", "int64",  "uint64", "function", "opaque"};

/// A piece of the file with its type; `end` is where the next one begins.
struct Element {
  std::uint32_t type = 0;
  std::string_view data;
  std::size_t end = 0;
};

class ElementReader {
 public:
  /// `partial`: the bytes may end within an element's data, whose beginning is given then.
  ElementReader(std::string_view bytes, bool swapped, const std::string& path, bool partial = false)
      : bytes_(bytes), swapped_(swapped), path_(path), partial_(partial) {}

  std::uint32_t word(std::size_t at) const {
    if (at > bytes_.size() || bytes_.size() - at < 4) throw cut();
    std::array<char, 4> own{};
    std::memcpy(own.data(), bytes_.data() + at, 4);
    if (swapped_) swap_bytes(own.data(), 4, 4);
    std::uint32_t value = 0;
    std::memcpy(&value, own.data(), 4);
    return value;
  }

  Element element(std::size_t at) const {
    const std::uint32_t first = word(at), small_bytes = first >> 16U;
    if (small_bytes != 0) {  // type, size and data in eight bytes
      if (small_bytes > 4 || bytes_.size() - at < tag_bytes) throw cut();
      return {.type = first & 0xFFFFU, .data = bytes_.substr(at + 4, small_bytes), .end = at + tag_bytes};
    }
    const std::size_t size = word(at + 4), begin = at + tag_bytes;
    if (size > bytes_.size() - begin && !partial_) throw cut();
    const std::size_t padded = first == type_packed ? size : (size + 7) / 8 * 8;
    return {.type = first, .data = bytes_.substr(begin, size), .end = std::min(begin + padded, bytes_.size())};
  }

  Error cut() const {
    return data_error(path_, "expected a MATLAB file, one of its elements goes beyond its end: cut off or damaged");
  }

 private:
  std::string_view bytes_;
  bool swapped_;
  const std::string& path_;
  bool partial_;
};

/// What stands before the numbers of a variable.
struct Description {
  MatVariable variable;
  std::uint32_t array_class = 0;
  bool complex = false;
  std::size_t parts = 0;  ///< where its numbers begin
};

Description describe(const ElementReader& reader, const std::string& path) {
  const Element flags = reader.element(0);
  if (flags.type != type_uint32 || flags.data.size() != 8) throw data_error(path, "a variable has no flags: damaged");
  const std::uint32_t word = reader.word(tag_bytes);
  Description found;
  found.array_class = word & 0xFFU;
  found.complex = (word & 0x800U) != 0;
  const bool logical = (word & 0x200U) != 0;
  const Element sizes = reader.element(flags.end);
  if (sizes.type != type_int32 || sizes.data.size() % 4 != 0 || sizes.data.size() > 4 * 32) {
    throw data_error(path, "a variable's sizes cannot be read: damaged");
  }
  const std::size_t first_size = flags.end + (sizes.data.size() <= 4 ? 4 : tag_bytes);
  for (std::size_t i = 0; i < sizes.data.size() / 4; ++i) {
    const auto extent = static_cast<std::int32_t>(reader.word(first_size + 4 * i));
    if (extent < 0) throw data_error(path, "a variable has a size of {}: damaged", extent);
    found.variable.shape.push_back(extent);
  }
  const Element name = reader.element(sizes.end);
  if (name.type != type_int8) throw data_error(path, "a variable's name cannot be read: damaged");
  found.variable.name = std::string(name.data);
  found.parts = name.end;
  found.variable.type = found.array_class < class_names.size() ? class_names[found.array_class] : "unknown";
  if (logical) found.variable.type = "logical";
  found.variable.numbers = found.array_class >= class_double && found.array_class <= class_last;
  found.variable.complex = found.complex;
  return found;
}

struct PartType {
  at::ScalarType type;
  std::size_t bytes;
};

/// How numbers are stored, which may be narrower than the class of their variable.
std::optional<PartType> part_type(std::uint32_t type) {
  using enum at::ScalarType;
  switch (type) {
    case 1:
      return PartType{Char, 1};
    case 2:
      return PartType{Byte, 1};
    case 3:
      return PartType{Short, 2};
    case 4:
      return PartType{UInt16, 2};
    case 5:
      return PartType{Int, 4};
    case 6:
      return PartType{UInt32, 4};
    case 7:
      return PartType{Float, 4};
    case 9:
      return PartType{Double, 8};
    case 12:
      return PartType{Long, 8};
    case 13:
      return PartType{UInt64, 8};
    default:
      return std::nullopt;
  }
}

/// Real or imaginary part [columns first], in float64.
at::Tensor read_part(const Element& part, const Shape& shape, bool swapped, const std::string& place) {
  const auto stored = part_type(part.type);
  if (!stored) throw data_error(place, "its numbers are of type {}, which is none of MATLAB's: damaged", part.type);
  Shape turned(shape.rbegin(), shape.rend());
  std::int64_t bytes = static_cast<std::int64_t>(stored->bytes);
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) throw data_error(place, "claims more numbers than fit: damaged");
  }
  if (bytes != static_cast<std::int64_t>(part.data.size())) {
    throw data_error(place, "its sizes {} take {} bytes, {} are stored: cut off or damaged", to_string(shape), bytes,
                     part.data.size());
  }
  at::Tensor values = at::empty(turned, at::dtype(stored->type));
  if (bytes > 0) std::memcpy(values.data_ptr(), part.data.data(), static_cast<std::size_t>(bytes));
  if (swapped) swap_bytes(static_cast<char*>(values.data_ptr()), part.data.size(), stored->bytes);
  return values.to(at::kDouble);
}

bool is_swapped(const std::string& bytes) { return bytes.compare(126, 2, "MI") == 0; }

/// Goes through the variables: `visit(matrix)` gets each one's elements, unpacked as far as `first_bytes` (0: all).
template <class Visit>
void each_variable(const std::string& bytes, const std::string& path, std::int64_t max_bytes, std::size_t first_bytes,
                   const Visit& visit) {
  const bool swapped = is_swapped(bytes);
  const ElementReader file(bytes, swapped, path);
  std::int64_t count = 0;
  for (std::size_t at = mat_header_bytes; at < bytes.size();) {
    if (bytes.size() - at < tag_bytes) throw file.cut();
    const Element element = file.element(at);
    at = element.end;
    if (++count > most_variables) throw data_error(path, "has more than {} variables: damaged", most_variables);
    std::string unpacked;
    std::string_view matrix = element.data;
    if (element.type == type_packed) {
      unpacked = unpack_zlib(element.data, max_bytes, path, first_bytes);
      const Element inside = ElementReader(unpacked, swapped, path, first_bytes > 0).element(0);
      if (inside.type != type_matrix) throw data_error(path, "packs something that is no variable: damaged");
      matrix = inside.data;
    } else if (element.type != type_matrix) {
      throw data_error(path, "expected variables, found an element of type {}: damaged", element.type);
    }
    if (matrix.empty()) continue;
    if (!visit(ElementReader(matrix, swapped, path, first_bytes > 0))) return;
  }
}

}  // namespace

bool begins_so(const std::string& bytes) {
  if (bytes.size() < mat_header_bytes) return false;
  const std::string mark = bytes.substr(124, 4);
  return mark == std::string("\x00\x01IM", 4) || mark == std::string("\x01\x00MI", 4);
}

std::vector<MatVariable> variables(const std::string& bytes, const std::string& path) {
  std::vector<MatVariable> all;
  each_variable(bytes, path, std::int64_t{1} << 40, description_bytes, [&](const ElementReader& reader) {
    all.push_back(describe(reader, path).variable);
    return true;
  });
  return all;
}

StoredArray read(const std::string& bytes, const std::string& name, const std::string& path, std::int64_t max_bytes) {
  const std::string place = path + ":/" + name;
  StoredArray array;
  const bool swapped = is_swapped(bytes);
  each_variable(bytes, path, max_bytes, 0, [&](const ElementReader& reader) {
    const Description found = describe(reader, path);
    if (found.variable.name != name) return true;
    const Element real = reader.element(found.parts);
    at::Tensor values = read_part(real, found.variable.shape, swapped, place);
    if (found.complex) {
      values = at::complex(values, read_part(reader.element(real.end), found.variable.shape, swapped, place));
    }
    at::DimVector axes;
    for (std::int64_t axis = values.dim(); axis-- > 0;) axes.push_back(axis);
    array.values = values.permute(axes).contiguous();
    const bool logical = found.variable.type == "logical";
    array.full_scale = logical                             ? 1
                       : found.array_class == class_uint8  ? 255
                       : found.array_class == class_uint16 ? 65535
                                                           : 1;
    return false;
  });
  if (!array.values.defined()) throw internal_error(place, "was found and is not there");
  return array;
}

}  // namespace recon::mat5
