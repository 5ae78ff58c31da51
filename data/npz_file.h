#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/npy_file.h"

namespace recon {

/// Whether a file is a zip archive of NumPy arrays, as numpy.savez and numpy.savez_compressed write them.
bool is_npz(const std::string& path);

/// The names of its arrays, without .npy, in their order. Throws Error(data) for damage.
std::vector<std::string> npz_names(const std::string& path);

/// One of them; empty: the only one there is. Read with its checksum. Throws Error(data) for damage, a name that is not
/// there (saying which are), no name where there are several, and an array of more than `max_bytes`.
StoredArray read_npz(const std::string& path, const std::string& name, std::int64_t max_bytes = std::int64_t{16} << 30);

}  // namespace recon
