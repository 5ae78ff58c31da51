#include "data/hdf5/types.h"

#include <c10/core/ScalarType.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "data/hdf5/isolated.h"

namespace recon::hdf5 {
namespace {

bool same(hid_t a, hid_t b) { return H5Tequal(a, b) > 0; }

/// IEEE half precision, which HDF5 1.10 has no name for.
bool is_half(hid_t type) {
  for (const hid_t base : {H5T_IEEE_F32LE, H5T_IEEE_F32BE}) {
    const Handle half(H5Tcopy(base), H5Tclose);
    H5Tset_fields(half.get(), 15, 10, 5, 0, 10);
    H5Tset_size(half.get(), 2);
    H5Tset_ebias(half.get(), 15);
    if (same(type, half.get())) return true;
  }
  return false;
}

std::optional<at::ScalarType> number_type_of(hid_t type) {
  struct Known {
    hid_t little, big;
    at::ScalarType tensor;
  };
  const std::array<Known, 9> known = {{{H5T_IEEE_F32LE, H5T_IEEE_F32BE, at::kFloat},
                                       {H5T_IEEE_F64LE, H5T_IEEE_F64BE, at::kDouble},
                                       {H5T_STD_I8LE, H5T_STD_I8BE, at::kChar},
                                       {H5T_STD_I16LE, H5T_STD_I16BE, at::kShort},
                                       {H5T_STD_I32LE, H5T_STD_I32BE, at::kInt},
                                       {H5T_STD_I64LE, H5T_STD_I64BE, at::kLong},
                                       {H5T_STD_U8LE, H5T_STD_U8BE, at::kByte},
                                       {H5T_STD_U16LE, H5T_STD_U16BE, at::kInt},
                                       {H5T_STD_U32LE, H5T_STD_U32BE, at::kLong}}};
  for (const auto& candidate : known) {
    if (same(type, candidate.little) || same(type, candidate.big)) return candidate.tensor;
  }
  if (is_half(type)) return at::kFloat;
  return std::nullopt;
}

std::string member_name(hid_t type, unsigned index) {
  char* name = H5Tget_member_name(type, index);
  std::string text = name == nullptr ? "" : name;
  H5free_memory(name);
  return text;
}

/// What real and imaginary part are called: h5py's convention first, then those of others.
constexpr std::array<std::pair<const char*, const char*>, 3> complex_names = {
    {{"r", "i"}, {"real", "imag"}, {"re", "im"}}};

/// A compound of two equal floats with such names, without padding.
std::optional<at::ScalarType> complex_type_of(hid_t type) {
  if (H5Tget_nmembers(type) != 2) return std::nullopt;
  const std::string first = member_name(type, 0), second = member_name(type, 1);
  const auto named_so = [&](const auto& names) { return first == names.first && second == names.second; };
  if (std::none_of(complex_names.begin(), complex_names.end(), named_so)) return std::nullopt;
  const Handle real(H5Tget_member_type(type, 0), H5Tclose), imaginary(H5Tget_member_type(type, 1), H5Tclose);
  if (real.get() < 0 || imaginary.get() < 0 || !same(real.get(), imaginary.get())) return std::nullopt;
  const auto part = number_type_of(real.get());
  const std::size_t size = H5Tget_size(real.get());
  // HDF5 believes the offsets of a damaged file and would read beyond the element.
  const bool packed = H5Tget_member_offset(type, 0) == 0 && H5Tget_member_offset(type, 1) == size;
  if (!packed || H5Tget_size(type) != 2 * size) return std::nullopt;
  if (part == at::kFloat && size == 4) return at::kComplexFloat;
  if (part == at::kDouble) return at::kComplexDouble;
  return std::nullopt;
}

/// h5py's bool: an 8-bit enum {FALSE, TRUE}.
bool is_bool(hid_t type) {
  return H5Tget_nmembers(type) == 2 && H5Tget_size(type) == 1 && member_name(type, 0) == "FALSE" &&
         member_name(type, 1) == "TRUE";
}

std::unique_ptr<Handle> owned_type(hid_t type) { return std::make_unique<Handle>(type, H5Tclose); }

std::unique_ptr<Handle> complex_memory_type(hid_t part, const std::string& real, const std::string& imaginary) {
  const std::size_t size = H5Tget_size(part);
  auto type = owned_type(H5Tcreate(H5T_COMPOUND, 2 * size));
  H5Tinsert(type->get(), real.c_str(), 0, part);
  H5Tinsert(type->get(), imaginary.c_str(), size, part);
  return type;
}

std::unique_ptr<Handle> bool_memory_type() {
  auto type = owned_type(H5Tenum_create(H5T_NATIVE_INT8));
  const std::int8_t off = 0, on = 1;
  H5Tenum_insert(type->get(), "FALSE", &off);
  H5Tenum_insert(type->get(), "TRUE", &on);
  return type;
}

std::vector<std::string> read_variable_now(hid_t disk_type, std::size_t count, const std::string& location,
                                           const std::function<herr_t(hid_t, void*)>& read) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5Tget_cset(disk_type));
  std::vector<char*> texts(count, nullptr);
  if (read(type.get(), texts.data()) < 0) throw failure(location, "read text", damaged);
  std::vector<std::string> out;
  for (char* text : texts) {
    out.emplace_back(text == nullptr ? "" : text);
    H5free_memory(text);
  }
  return out;
}

/// Variable-length texts only ever reach us from a child process: see isolated.h.
std::vector<std::string> read_variable(hid_t disk_type, std::size_t count, const std::string& location,
                                       const FileState& file, const std::function<herr_t(hid_t, void*)>& read) {
  const auto now = [&] { return read_variable_now(disk_type, count, location, read); };
  if (in_child_process()) return file.texts[location] = now();
  if (const auto known = file.texts.find(location); known != file.texts.end()) return known->second;
  const auto answer = file.visited ? std::nullopt : run_isolated([&] { return pack(now()); });
  if (!answer) throw data_error(location, "HDF5 cannot read this text; {}", damaged);
  return unpack(*answer);
}

std::vector<std::string> read_fixed(hid_t disk_type, std::size_t count, const std::string& location,
                                    const std::function<herr_t(hid_t, void*)>& read) {
  const std::size_t size = H5Tget_size(disk_type);
  std::vector<char> bytes(count * size);
  const Handle type(H5Tcopy(disk_type), H5Tclose);
  if (read(type.get(), bytes.data()) < 0) throw failure(location, "read text", damaged);
  const bool spaces = H5Tget_strpad(disk_type) == H5T_STR_SPACEPAD;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) {
    const char* begin = bytes.data() + i * size;
    std::string text(begin, strnlen(begin, size));
    while (spaces && !text.empty() && text.back() == ' ') text.pop_back();
    out.push_back(std::move(text));
  }
  return out;
}

}  // namespace

std::string describe_type(hid_t type) {
  const auto bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return fmt::format("{}-bit float", bits);
    case H5T_INTEGER:
      return fmt::format("{}-bit {}integer", bits, H5Tget_sign(type) == H5T_SGN_NONE ? "unsigned " : "");
    case H5T_STRING:
      return "text";
    case H5T_COMPOUND:
      return "compound";
    case H5T_ENUM:
      return "enum";
    default:
      return "another HDF5 type";
  }
}

at::ScalarType tensor_type_of(hid_t disk_type, const std::string& location) {
  std::optional<at::ScalarType> found;
  const H5T_class_t kind = H5Tget_class(disk_type);
  if (kind == H5T_FLOAT || kind == H5T_INTEGER) found = number_type_of(disk_type);
  if (kind == H5T_COMPOUND) found = complex_type_of(disk_type);
  if (kind == H5T_ENUM && is_bool(disk_type)) found = at::kBool;
  if (found) return *found;
  throw data_error(location,
                   "expected floats, integers up to 64 bits (unsigned up to 32), bool, or complex as compound {{r, i}} "
                   "or {{real, imag}}, "
                   "got {}; store it as one of these",
                   describe_type(disk_type));
}

std::unique_ptr<Handle> memory_type(at::ScalarType type, const std::string& location) {
  switch (type) {
    case at::kFloat:
      return owned_type(H5Tcopy(H5T_NATIVE_FLOAT));
    case at::kDouble:
      return owned_type(H5Tcopy(H5T_NATIVE_DOUBLE));
    case at::kByte:
      return owned_type(H5Tcopy(H5T_NATIVE_UINT8));
    case at::kChar:
      return owned_type(H5Tcopy(H5T_NATIVE_INT8));
    case at::kShort:
      return owned_type(H5Tcopy(H5T_NATIVE_INT16));
    case at::kInt:
      return owned_type(H5Tcopy(H5T_NATIVE_INT32));
    case at::kLong:
      return owned_type(H5Tcopy(H5T_NATIVE_INT64));
    case at::kBool:
      return bool_memory_type();
    case at::kComplexFloat:
      return complex_memory_type(H5T_NATIVE_FLOAT, "r", "i");
    case at::kComplexDouble:
      return complex_memory_type(H5T_NATIVE_DOUBLE, "r", "i");
    default:
      throw internal_error(location, "no HDF5 type for {} tensors", c10::toString(type));
  }
}

std::unique_ptr<Handle> reading_type(hid_t disk_type, at::ScalarType type, const std::string& location) {
  if (!c10::isComplexType(type)) return memory_type(type, location);
  // HDF5 matches the members of compounds by their names.
  const hid_t part = type == at::kComplexFloat ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
  return complex_memory_type(part, member_name(disk_type, 0), member_name(disk_type, 1));
}

std::unique_ptr<Handle> text_type(std::size_t bytes) {
  auto type = owned_type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type->get(), std::max<std::size_t>(bytes, 1));
  H5Tset_cset(type->get(), H5T_CSET_UTF8);
  H5Tset_strpad(type->get(), H5T_STR_NULLPAD);
  return type;
}

std::vector<std::string> read_texts(hid_t disk_type, std::size_t count, const std::string& location,
                                    const FileState& file, const std::function<herr_t(hid_t, void*)>& read) {
  if (count == 0) return {};
  auto texts = H5Tis_variable_str(disk_type) > 0 ? read_variable(disk_type, count, location, file, read)
                                                 : read_fixed(disk_type, count, location, read);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!is_utf8(texts[i])) throw data_error(location, "expected UTF-8 text, entry {} is not; store it as UTF-8", i);
  }
  return texts;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U; };
    const unsigned lead = byte(i);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0U) != 0x80U) return false;
    }
    // Overlong forms, surrogates and values past U+10FFFF.
    if ((lead == 0xE0 && byte(i + 1) < 0xA0) || (lead == 0xED && byte(i + 1) > 0x9F)) return false;
    if ((lead == 0xF0 && byte(i + 1) < 0x90) || (lead == 0xF4 && byte(i + 1) > 0x8F)) return false;
    i += length;
  }
  return true;
}

}  // namespace recon::hdf5
