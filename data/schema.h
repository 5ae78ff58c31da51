#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"
#include "data/image_range.h"

// Private to data: what measurement and result files have in common.
namespace recon {

/// Marks a file with its format and version.
void write_format(hdf5::Group& root, const std::string& format, std::uint64_t version);
/// Throws Error(data) unless the file has this format and a version up to `version`.
void require_format(const hdf5::Group& root, const std::string& format, std::uint64_t version);

void write_image_range(hdf5::Group& root, const ImageRange& range);
ImageRange read_image_range(const hdf5::Group& root);

/// A group whose attributes are texts by name: versions, conditions.
void write_text_map(hdf5::Group& root, const std::string& name, const std::map<std::string, std::string>& texts);
std::map<std::string, std::string> read_text_map(const hdf5::Group& root, const std::string& name);

std::vector<std::string> default_ids(std::int64_t count);     ///< "0", "1", ...
std::vector<std::string> read_ids(const hdf5::Dataset& ids);  ///< texts, or integers as text

}  // namespace recon
