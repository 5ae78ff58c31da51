#pragma once

#include <algorithm>
#include <cstddef>

namespace recon {

/// Turns the bytes of each number of `width` bytes round.
inline void swap_bytes(char* data, std::size_t bytes, std::size_t width) {
  for (std::size_t i = 0; width > 1 && i + width <= bytes; i += width) std::reverse(data + i, data + i + width);
}

}  // namespace recon
