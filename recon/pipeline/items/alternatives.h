#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operators/operator.h"

namespace recon {

/// An operator's text and arrays, as a measurement file stores them.
struct OperatorText {
  std::string config;
  std::map<std::string, at::Tensor> arrays;
};

/// The same operator with this mask [H, W] in place of its own. Nothing for kinds that take no mask of k-space
/// (fourier and sense do) and for operators that are made of several.
std::optional<OperatorText> with_mask(const std::string& config, const std::map<std::string, at::Tensor>& arrays,
                                      const at::Tensor& mask, const std::string& location);

/// What an operator could be meant to be: the same under another convention.
struct Alternative {
  std::string what;  ///< "the angles are in radians: ..."
  OperatorPtr op;
};
/// The conventions that people mix up, for the kind at hand: radon (radians, direction of rotation, side of the axis
/// offset), nufft (positions in cycles per pixel or radians per pixel, exchanged or mirrored axes), blur (kernel turned
/// by half a turn, divided by its sum). None for other kinds and for operators that are made of several. Variants that
/// cannot be built are left out.
std::vector<Alternative> alternatives_of(const std::string& config, const std::map<std::string, at::Tensor>& arrays,
                                         const TensorSpec& image);

}  // namespace recon
