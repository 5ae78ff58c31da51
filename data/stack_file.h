#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "data/image_geometry.h"

namespace recon {

/// A stack of slices [N, H, W] as pages of a TIFF file of float32 (complex: magnitude), uncompressed, atomically; with
/// the size of a pixel where `geometry` says it (tags XResolution and YResolution, pixels in a centimetre).
///
/// A path that ends in .ome.tif or .ome.tiff gets OME-XML too (one channel, one point in time, N planes along z, sizes
/// in micrometres).
void write_tiff_stack(const std::string& path, const at::Tensor& stack,
                      const std::optional<ImageGeometry>& geometry = {});

}  // namespace recon
