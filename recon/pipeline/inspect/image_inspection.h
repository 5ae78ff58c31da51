#pragma once

#include <string>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// A picture: its shape, and its smallest and largest value as recon reads it (8 and 16 bit pictures divided by full
/// scale). Throws Error(data) for a file that is none.
Inspection inspect_image(const std::string& path);

}  // namespace recon
