#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "data/measurement_file.h"
#include "operators/operator.h"

namespace recon {

/// Words for data `y` [1, range...] that no image inside `range` can have, whatever its content: with their likely
/// cause. Empty otherwise.
///
/// Magnitudes of a unitary transform: their energy is the image's, at most the number of its pixels times the largest
/// value squared. If it is larger and the plain sum of the data is not, the data are intensities (squared magnitudes).
/// Linear operators on real images from 0 on whose A(1) has no negative entry: the mean of the data is at most that of
/// A(high); 1.5 times are allowed, for noise and for loose ranges.
std::string brightness_warning(const at::Tensor& y, const Operator& op, const ImageRange& range);

}  // namespace recon
