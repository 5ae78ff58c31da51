#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

namespace recon {

/// The head phantom of Shepp & Logan (IEEE Trans. Nucl. Sci. 21, 1974, Table 1) with the stronger contrast of Toft (PhD
/// thesis, Technical University of Denmark, 1996, Table B.3): ten ellipses, values in [0, 1], 1 in the skull and 0.2 in
/// the brain. Each pixel is the mean over 8 x 8 points of it. float32 [1, size, size], size >= 1.
at::Tensor shepp_logan(std::int64_t size);

/// The size in "phantom:shepp_logan:256", the name of an image that is drawn instead of read; empty for a text that
/// does not begin with "phantom:". Throws Error(usage) for another phantom, or a size that is not from 1 to 8192.
std::optional<std::int64_t> phantom_size(const std::string& text);

}  // namespace recon
