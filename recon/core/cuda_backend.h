#pragma once

#include <string>

#include "recon/core/device_backend.h"

namespace recon {

/// The GPU side, implemented by the shared library recon_cuda, which is loaded when a GPU is first asked for, so that a
/// CPU run never loads the CUDA libraries. Throws Error(usage) saying why there is none: not built, library missing, no
/// driver.
const DeviceBackend& cuda_backend();

/// Empty when the first GPU can be used, otherwise the reason why not.
std::string why_no_cuda();

}  // namespace recon
