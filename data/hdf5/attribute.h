#pragma once

#include <string>
#include <vector>

#include "data/hdf5/handle.h"

// Private to data/hdf5: attributes of a group or dataset `owner` at `location`.
namespace recon::hdf5 {

/// Attributes of an object that is open.
bool attribute_exists(hid_t owner, const std::string& name);
std::vector<std::string> list_attributes(hid_t owner, const std::string& location);
std::string read_text_attribute(hid_t owner, const std::string& location, const std::string& name,
                                const FileState& file);
std::vector<double> read_number_attribute(hid_t owner, const std::string& location, const std::string& name);
std::uint64_t read_uint64_attribute(hid_t owner, const std::string& location, const std::string& name);

void write_text_attribute(hid_t owner, const std::string& location, const std::string& name, const std::string& value);
/// `count` values of native type `type`; a scalar when `scalar`.
void write_attribute(hid_t owner, const std::string& location, const std::string& name, hid_t type, const void* values,
                     std::size_t count, bool scalar);

}  // namespace recon::hdf5
