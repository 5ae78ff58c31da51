#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace recon {

/// An array whose axes are named, as items [N, C, H, W]: `axes` names each axis of `values` once, of item, channel, y,
/// x and complex (two entries, real and imaginary part), with y and x among them; axes that are not named have one
/// entry. Empty: `usual` of that rank, which has the last axes of its list. Throws Error(data) at `place` for names
/// that do not fit, an empty array, a complex axis that has not two entries or whose numbers are complex already.
at::Tensor items_of_array(const at::Tensor& values, std::vector<std::string> axes,
                          const std::vector<std::vector<std::string>>& usual, const std::string& place);

}  // namespace recon
