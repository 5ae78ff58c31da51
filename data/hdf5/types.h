#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/hdf5/handle.h"

// Private to data/hdf5: types on disk and in memory.
namespace recon::hdf5 {

/// The tensor type that holds the values of an on-disk type, see hdf5_file.h. Throws Error(data) naming what was found.
at::ScalarType tensor_type_of(hid_t disk_type, const std::string& location);

/// The HDF5 type of a tensor's elements in memory; on disk the same (little-endian on the machines recon runs on).
std::unique_ptr<Handle> memory_type(at::ScalarType type, const std::string& location);

/// The same for reading `disk_type`, whose complex parts may go by other names than {r, i}.
std::unique_ptr<Handle> reading_type(hid_t disk_type, at::ScalarType type, const std::string& location);

/// What a type is, in words: "32-bit float", "compound".
std::string describe_type(hid_t type);

/// UTF-8 text of a fixed number of bytes, padded with zeros: what we write, for reasons given in isolated.h.
std::unique_ptr<Handle> text_type(std::size_t bytes);

/// Texts of a string type (fixed or variable length): `read(memory_type, buffer)` fills the buffer of `count` elements.
/// Throws Error(data) when a text is not UTF-8, for it could not be shown.
std::vector<std::string> read_texts(hid_t disk_type, std::size_t count, const std::string& location,
                                    const FileState& file, const std::function<herr_t(hid_t, void*)>& read);

bool is_utf8(std::string_view text);

}  // namespace recon::hdf5
