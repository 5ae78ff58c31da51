#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// The yardstick of denoising_figures.h for a prior, on the first `count` images of each set (ImageSource's text
/// forms).
Inspection inspect_denoising(const std::string& path_or_name, const std::vector<std::string>& sets, std::int64_t count);

}  // namespace recon
