#pragma once

#include <string>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// A file that recon did not write. Of HDF5 the datasets (path, shape, type, filters), of a format that recognises the
/// file what it says and, as `config`, the beginning of a run or batch config that reads it. What cannot be told from
/// the file is a guess with a comment; there is no config when no dataset could be measurements.
Inspection inspect_external(const std::string& path);

/// Writes the config that such an inspection proposes to `path`. Throws Error(usage) for another kind of file and when
/// `path` is there already, Error(data) when there is nothing to propose.
void write_proposed_config(const Inspection& inspection, const std::string& target, const std::string& path);

}  // namespace recon
