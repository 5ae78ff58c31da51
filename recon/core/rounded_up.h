#pragma once

#include <cstdint>

namespace recon {

/// The smallest multiple of `multiple` that is no less than `value`; both positive.
constexpr std::int64_t rounded_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace recon
