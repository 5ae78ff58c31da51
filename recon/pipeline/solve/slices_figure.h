#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "data/image_range.h"

namespace recon {

/// The slices of a volume [C, D, H, W] with a slider, as HTML for a page; sliders of one `group` move together. Empty
/// for an image [C, H, W].
std::string slices_figure(const std::string& group, const at::Tensor& image, const ImageRange& range);

}  // namespace recon
