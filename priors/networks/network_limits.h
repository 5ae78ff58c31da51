#pragma once

#include <cstddef>
#include <cstdint>

namespace recon {

/// What a config may ask of a network: far above any that was published, far below what overflows.
inline constexpr std::int64_t kMaxChannels = 1 << 16;
inline constexpr std::size_t kMaxLevels = 16;

}  // namespace recon
