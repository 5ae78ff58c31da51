#pragma once

#include <cstdint>
#include <string>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// What a prior's denoiser makes of images it should know: mean PSNR in dB after clipping at noise of 0.1, 0.2, 0.5, 1
/// and 3 half-widths of its value range over the first `count` images of a source (ImageSource's text forms), beside
/// that of total variation with the weight by the discrepancy principle.
Inspection inspect_denoising(const std::string& path_or_name, const std::string& images, std::int64_t count);

}  // namespace recon
