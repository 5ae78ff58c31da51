#pragma once

#include <string>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// A picture file: pages, size, channels, and the smallest and largest value as stored beside what 1.0 is, which shows
/// 12 bits in 16.
Inspection inspect_picture(const std::string& path);

}  // namespace recon
