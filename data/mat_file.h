#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/mat_variable.h"
#include "data/stored_array.h"

namespace recon {

/// Whether a file begins as MATLAB or Octave write it (-v7 or -v7.3, also -v6).
bool is_mat(const std::string& path);

/// The variables of a file. "MAT-File Format", MathWorks: level 5 (numeric arrays; an own reader, as Debian's libmatio
/// reads cells and objects, too, of which nothing is needed here), and version 7.3, which is HDF5. Throws Error(data)
/// for damage.
std::vector<MatVariable> mat_variables(const std::string& path);

/// One of them, its axes in MATLAB's order [rows, columns, ...]; empty: the only one of numbers. A variable inside a
/// structure of a 7.3 file is NAME/FIELD. Throws Error(data) for damage, a name that is not there (saying which are),
/// variables that hold no numbers, sparse ones, more than `max_bytes`.
StoredArray read_mat(const std::string& path, const std::string& name, std::int64_t max_bytes = std::int64_t{16} << 30);

}  // namespace recon
