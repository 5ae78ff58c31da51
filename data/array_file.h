#pragma once

#include <string>
#include <vector>

#include "data/stored_array.h"

namespace recon {

/// Whether a file is one of arrays: .npy, .npz, or MATLAB's.
bool is_array_file(const std::string& path);

/// An array of such a file; `variable` says which of a .npz or MATLAB file, empty: the only one. Throws Error(data) for
/// damage, and for a variable that is not there.
StoredArray read_array_file(const std::string& path, const std::string& variable);

/// The axes that an array of such a file has unless somebody says otherwise, by its rank: NumPy's [item, channel, y,
/// x], [item, y, x] and [y, x]; MATLAB's [y, x], [y, x, item] and [y, x, channel, item].
const std::vector<std::vector<std::string>>& usual_axes_of(const std::string& path);

}  // namespace recon
