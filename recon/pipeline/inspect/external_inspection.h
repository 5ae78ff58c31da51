#pragma once

#include <string>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// An HDF5 file that recon did not write: its datasets (path, shape, type, filters) and, as `config`, the beginning of
/// a run or batch config that reads it. What cannot be told from the file is a guess with a comment; there is no config
/// when no dataset could be measurements.
Inspection inspect_external(const std::string& path);

}  // namespace recon
