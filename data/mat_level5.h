#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/mat_variable.h"
#include "data/stored_array.h"

// Private to data: MATLAB's files before version 7.3.
namespace recon::mat5 {

/// Whether bytes begin with a header of level 5.
bool begins_so(const std::string& bytes);

/// The variables, of the bytes of a whole file. Throws Error(data) at `path` for damage.
std::vector<MatVariable> variables(const std::string& bytes, const std::string& path);

/// The variable of that name, which is there and holds numbers.
StoredArray read(const std::string& bytes, const std::string& name, const std::string& path, std::int64_t max_bytes);

}  // namespace recon::mat5
