#include "data/hdf5/attribute.h"

#include <algorithm>

#include "data/hdf5/types.h"

namespace recon::hdf5 {
namespace {

// Far above any sensible attribute; bounds what a damaged file can make us allocate.
constexpr std::size_t max_attribute_bytes = std::size_t{64} << 20;

struct Attribute {
  std::unique_ptr<Handle> id, type;
  std::size_t count = 0;
  std::string location;
};

Attribute open_attribute(hid_t owner, const std::string& owner_location, const std::string& name) {
  Attribute attribute;
  attribute.location = owner_location + " attribute '" + name + "'";
  if (!attribute_exists(owner, name)) {
    throw data_error(owner_location,
                     "expected an attribute '{}', there is none; see data/FORMAT.md for what a file needs", name);
  }
  const auto check = [&](hid_t id) { return checked(id, attribute.location, "open the attribute", damaged); };
  attribute.id = std::make_unique<Handle>(check(H5Aopen(owner, name.c_str(), H5P_DEFAULT)), H5Aclose);
  attribute.type = std::make_unique<Handle>(check(H5Aget_type(attribute.id->get())), H5Tclose);
  const Handle space(check(H5Aget_space(attribute.id->get())), H5Sclose);
  const hssize_t points = H5Sget_simple_extent_npoints(space.get());
  const std::size_t size = std::max<std::size_t>(H5Tget_size(attribute.type->get()), 1);
  if (points < 0 || static_cast<std::size_t>(points) > max_attribute_bytes / size) {
    throw data_error(attribute.location, "expected at most {} bytes, it claims {} entries of {} bytes; {}",
                     max_attribute_bytes, points, size, damaged);
  }
  attribute.count = static_cast<std::size_t>(points);
  return attribute;
}

}  // namespace

bool attribute_exists(hid_t owner, const std::string& name) { return H5Aexists(owner, name.c_str()) > 0; }

std::vector<std::string> list_attributes(hid_t owner, const std::string& location) {
  std::vector<std::string> names;
  const auto collect = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  hsize_t start = 0;
  if (H5Aiterate2(owner, H5_INDEX_NAME, H5_ITER_NATIVE, &start, collect, &names) < 0) {
    throw failure(location, "list the attributes", damaged);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_text_attribute(hid_t owner, const std::string& location, const std::string& name,
                                const FileState& file) {
  const Attribute attribute = open_attribute(owner, location, name);
  if (H5Tget_class(attribute.type->get()) != H5T_STRING || attribute.count != 1) {
    throw data_error(attribute.location, "expected one text, got {} of type {}; store a string", attribute.count,
                     describe_type(attribute.type->get()));
  }
  const auto read = [&](hid_t type, void* buffer) { return H5Aread(attribute.id->get(), type, buffer); };
  return read_texts(attribute.type->get(), 1, attribute.location, file, read).front();
}

std::vector<double> read_number_attribute(hid_t owner, const std::string& location, const std::string& name) {
  const Attribute attribute = open_attribute(owner, location, name);
  const H5T_class_t kind = H5Tget_class(attribute.type->get());
  if (kind != H5T_FLOAT && kind != H5T_INTEGER) {
    throw data_error(attribute.location, "expected numbers, got {}; store floats or integers",
                     describe_type(attribute.type->get()));
  }
  tensor_type_of(attribute.type->get(), attribute.location);
  std::vector<double> values(attribute.count);
  if (!values.empty() && H5Aread(attribute.id->get(), H5T_NATIVE_DOUBLE, values.data()) < 0) {
    throw failure(attribute.location, "read the attribute", damaged);
  }
  return values;
}

std::uint64_t read_uint64_attribute(hid_t owner, const std::string& location, const std::string& name) {
  const Attribute attribute = open_attribute(owner, location, name);
  if (H5Tget_class(attribute.type->get()) != H5T_INTEGER || attribute.count != 1) {
    throw data_error(attribute.location, "expected one integer, got {} of type {}; store an integer", attribute.count,
                     describe_type(attribute.type->get()));
  }
  // Through the sign it has: HDF5 would turn a negative number into 0 without a word.
  std::int64_t signed_value = 0;
  std::uint64_t value = 0;
  const bool is_signed = H5Tget_sign(attribute.type->get()) != H5T_SGN_NONE;
  const herr_t status = is_signed ? H5Aread(attribute.id->get(), H5T_NATIVE_INT64, &signed_value)
                                  : H5Aread(attribute.id->get(), H5T_NATIVE_UINT64, &value);
  if (status < 0) throw failure(attribute.location, "read the attribute", damaged);
  if (signed_value < 0)
    throw data_error(attribute.location, "expected a number >= 0, got {}; correct it", signed_value);
  return is_signed ? static_cast<std::uint64_t>(signed_value) : value;
}

void write_text_attribute(hid_t owner, const std::string& location, const std::string& name, const std::string& value) {
  const auto type = text_type(value.size());
  write_attribute(owner, location, name, type->get(), value.c_str(), 1, true);
}

void write_attribute(hid_t owner, const std::string& location, const std::string& name, hid_t type, const void* values,
                     std::size_t count, bool scalar) {
  const std::string where = location + " attribute '" + name + "'";
  const hsize_t extent = count;
  const Handle space(checked(scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, nullptr), where,
                             "describe the attribute", disk),
                     H5Sclose);
  const Handle id(checked(H5Acreate2(owner, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), where,
                          "create the attribute", disk),
                  H5Aclose);
  if (count > 0 && H5Awrite(id.get(), type, values) < 0) throw failure(where, "write the attribute", disk);
}

}  // namespace recon::hdf5
