#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace recon {

/// The three planes through the middle of a volume [C, D, H, W] side by side as one picture [C, rows, columns]: the
/// axial slice [H, W], the coronal one [D, W] and the sagittal one [D, H], slice 0 on top; `black` is what lies between
/// and below them. An image [C, H, W] is returned as it is.
at::Tensor middle_planes(const at::Tensor& image, double black);

/// The slices of a volume [C, D, H, W] one below the other, [C, n H, W]: all of them, or every so many where that would
/// be more than `most_rows` rows.
at::Tensor slices_in_a_column(const at::Tensor& volume, std::int64_t most_rows);

}  // namespace recon
