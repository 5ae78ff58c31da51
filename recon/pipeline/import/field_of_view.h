#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace recon {

/// k-space of slices with everything that lies on its grid.
struct GriddedData {
  at::Tensor kspace;   ///< [N, coils, H, W]
  at::Tensor mask;     ///< bool [N, H, W]
  at::Tensor weights;  ///< float [N, H, W], or undefined
  at::Tensor maps;     ///< [N, coils, H, W], or undefined
};

/// Keeps the central `pixels` of the image along `axis` (-2: readout, -1: phase encoding). Exact where every line along
/// that axis is sampled throughout or not at all; else nothing is cut, and `notes` says so.
void crop_field_of_view(GriddedData& data, std::int64_t axis, std::int64_t pixels, std::vector<std::string>& notes);

}  // namespace recon
