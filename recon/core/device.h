#pragma once

#include <c10/core/Device.h>

#include <string>

#include "recon/core/device_backend.h"

namespace recon {

/// `auto` (the first GPU if it can be used, else the CPU), `cpu`, `cuda`, `cuda:1`, or a name of add_device() with or
/// without an index. Throws Error(usage).
c10::Device parse_device(const std::string& text);

/// What the device offers beyond ATen. Throws Error(internal) for the CPU, and for kinds that nobody has added.
const DeviceBackend& device_backend(c10::Device device);

/// A kind of device that is not recon's own: of a plug-in, or of a test. `backend` lives as long as the program.
void add_device(const std::string& name, c10::DeviceType type, const DeviceBackend& backend);

}  // namespace recon
