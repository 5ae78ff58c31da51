#include "data/npy_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <regex>

#include "data/atomic_file.h"
#include "data/byte_order.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

const std::string npy_magic = "\x93NUMPY";
constexpr std::int64_t largest_extent = std::int64_t{1} << 40;

/// What the header's dictionary says.
struct NpyHeader {
  char order = '<', kind = 'f';
  std::size_t bytes = 4;  ///< of a number
  bool fortran = false;
  Shape shape;
  std::size_t begin = 0;  ///< of the numbers
};

[[noreturn]] void damaged_npy(const std::string& path, const std::string& what) {
  throw data_error(path, "expected a NumPy array (numpy.save), {}", what);
}

/// Whether the text is one dictionary of the three entries, each once, and blanks: what is only nearly one is damaged.
bool is_dictionary(const std::string& text) {
  static const std::regex whole(
      R"(\s*\{\s*('\w+':\s*('[^']*'|\([0-9, L]*\)|True|False)\s*,\s*){2}'\w+':\s*('[^']*'|\([0-9, L]*\)|True|False)\s*,?\s*\}\s*)");
  return std::regex_match(text, whole);
}

std::string matched(const std::string& text, const char* pattern, const std::string& path) {
  std::smatch part;
  if (!std::regex_search(text, part, std::regex(pattern))) damaged_npy(path, "its header cannot be read: " + text);
  return part[1];
}

Shape shape_in(const std::string& text, const std::string& path) {
  Shape shape;
  static const std::regex number("[0-9]{1,13}");
  std::int64_t count = 1;
  for (std::sregex_iterator it(text.begin(), text.end(), number), end; it != end; ++it) {
    shape.push_back(std::stoll(it->str()));
    if (shape.size() > 8 || shape.back() > largest_extent) damaged_npy(path, "its shape is (" + text + ")");
    count = shape.back() == 0 ? 0 : count > largest_extent / shape.back() ? largest_extent + 1 : count * shape.back();
    if (count > largest_extent) damaged_npy(path, "its shape is (" + text + ")");
  }
  return shape;
}

NpyHeader header_of(const std::string& bytes, const std::string& path) {
  if (bytes.size() < 12 || !bytes.starts_with(npy_magic)) damaged_npy(path, "it does not begin as one");
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  const bool first_version = bytes[6] == 1;
  const std::size_t start = first_version ? 10 : 12;
  const std::size_t length = byte(8) | byte(9) << 8U | (first_version ? 0 : byte(10) << 16U | byte(11) << 24U);
  constexpr std::size_t longest = 1U << 16U;
  if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0 || length > longest || start + length > bytes.size()) {
    damaged_npy(path, "its header is cut off or of a version that is not 1 to 3");
  }
  const std::string text = bytes.substr(start, length);
  if (!is_dictionary(text)) damaged_npy(path, "its header cannot be read: " + text);
  NpyHeader header{.shape = shape_in(matched(text, R"('shape':\s*\(([0-9, L]*)\))", path), path),
                   .begin = start + length};
  header.fortran = matched(text, R"('fortran_order':\s*(True|False))", path) == "True";
  const std::string type = matched(text, R"('descr':\s*'([<>|=]?[a-zA-Z][0-9]*)')", path);
  const std::size_t letter = std::string_view("<>|=").find(type[0]) == std::string_view::npos ? 0 : 1;
  header.order = letter == 0 ? '=' : type[0];
  header.kind = type[letter];
  const std::string size = type.substr(letter + 1);
  header.bytes = size.empty() || size.size() > 2 ? 0 : std::stoul(size);
  return header;
}

at::ScalarType type_of(const NpyHeader& header, const std::string& path) {
  using enum at::ScalarType;
  switch (header.kind) {
    case 'b':
      if (header.bytes == 1) return Byte;
      break;
    case 'f':
      if (header.bytes == 2) return Half;
      if (header.bytes == 4) return Float;
      if (header.bytes == 8) return Double;
      break;
    case 'c':
      if (header.bytes == 8) return ComplexFloat;
      if (header.bytes == 16) return ComplexDouble;
      break;
    case 'i':
      if (header.bytes == 1) return Char;
      if (header.bytes == 2) return Short;
      if (header.bytes == 4) return Int;
      if (header.bytes == 8) return Long;
      break;
    case 'u':
      if (header.bytes == 1) return Byte;
      if (header.bytes == 2) return UInt16;
      if (header.bytes == 4) return UInt32;
      break;
    default:
      break;
  }
  throw data_error(path, "holds '{}{}', expected integers, floats or complex numbers; convert it with astype",
                   header.kind, header.bytes);
}

}  // namespace

at::Tensor StoredArray::scaled() const { return full_scale == 1 ? values : values / full_scale; }

bool is_npy(const std::string& path) {
  std::string begin(npy_magic.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  return file.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == npy_magic;
}

StoredArray read_npy(const std::string& path, std::int64_t max_bytes) {
  return npy_array(read_whole_file(path, max_bytes), path);
}

StoredArray npy_array(std::string bytes, const std::string& path) {
  const NpyHeader header = header_of(bytes, path);
  const at::ScalarType type = type_of(header, path);
  const TensorSpec spec{header.shape};
  const auto wanted = static_cast<std::size_t>(spec.numel()) * header.bytes;
  if (bytes.size() - header.begin < wanted) {
    damaged_npy(path,
                fmt::format("it is cut off: {} of {} bytes of numbers are there", bytes.size() - header.begin, wanted));
  }
  const bool complex = header.kind == 'c';
  if (header.order == '>') swap_bytes(bytes.data() + header.begin, wanted, complex ? header.bytes / 2 : header.bytes);
  Shape stored = header.shape;
  if (header.fortran) std::reverse(stored.begin(), stored.end());
  at::Tensor values = at::empty(stored, at::dtype(type));
  if (wanted > 0) std::memcpy(values.data_ptr(), bytes.data() + header.begin, wanted);
  if (header.fortran) {
    at::DimVector axes;
    for (std::int64_t axis = values.dim(); axis-- > 0;) axes.push_back(axis);
    values = values.permute(axes).contiguous();
  }
  const double full_scale = header.kind != 'u' ? 1 : header.bytes == 1 ? 255 : header.bytes == 2 ? 65535 : 1;
  if (header.kind == 'b') values = values.ne(0);
  if (!values.is_complex() && type != at::kFloat) values = values.to(at::kDouble);
  return {.values = values, .full_scale = full_scale};
}

void write_npy(const std::string& path, const at::Tensor& values) {
  const at::Tensor stored = values.cpu().resolve_conj().contiguous();
  const char* type = stored.scalar_type() == at::kFloat           ? "<f4"
                     : stored.scalar_type() == at::kDouble        ? "<f8"
                     : stored.scalar_type() == at::kComplexFloat  ? "<c8"
                     : stored.scalar_type() == at::kComplexDouble ? "<c16"
                                                                  : nullptr;
  if (type == nullptr) throw internal_error(path, "cannot write {} as .npy", c10::toString(stored.scalar_type()));
  std::string shape;
  for (const std::int64_t extent : stored.sizes()) shape += std::to_string(extent) + ", ";
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, shape);
  constexpr std::size_t before = 10, alignment = 64;  // the numbers begin at a multiple of 64 bytes, a new line before
  header.append(alignment - (before + header.size() + 1) % alignment, ' ');
  header += '\n';
  std::string bytes = npy_magic + std::string("\x01\x00", 2);
  bytes += static_cast<char>(header.size() & 0xFFU);
  bytes += static_cast<char>(header.size() >> 8U);
  bytes += header;
  bytes.append(static_cast<const char*>(stored.const_data_ptr()), stored.nbytes());
  write_file_atomically(path, bytes);
}

}  // namespace recon
