#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "recon/core/noise.h"
#include "recon/core/parameters.h"

namespace recon {

/// The section `noise` of a config: type, std and peak, in the units of the images or of the stored numbers. Nothing
/// when there is no such section; what a section leaves out is that of default_noise().
/// `background` becomes what the section says of it, if anything: a number [] or an array.
std::optional<Noise> read_noise(ParameterVisitor& config, const char* doc, at::Tensor& background);

/// Gaussian noise of std 0.05: what `recon simulate` adds when nothing is said.
Noise default_noise();

}  // namespace recon
