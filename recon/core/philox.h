#pragma once

#include <cmath>
#include <cstdint>

#include "recon/core/host_device.h"

namespace recon::philox {

/// Four random words of 32 bits: one evaluation of Philox.
struct Block {
  std::uint32_t word[4];
};

/// One Philox4x32-10 block (Salmon et al. 2011, section 3.3; constants of the Random123 library).
RECON_HOST_DEVICE inline Block block(Block counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ULL * counter.word[0];
    const std::uint64_t p1 = 0xCD9E8D57ULL * counter.word[2];
    counter = {{static_cast<std::uint32_t>(p1 >> 32) ^ counter.word[1] ^ key0, static_cast<std::uint32_t>(p1),
                static_cast<std::uint32_t>(p0 >> 32) ^ counter.word[3] ^ key1, static_cast<std::uint32_t>(p0)}};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return counter;
}

/// The key of one (seed, stream, item, sample), mixed by splitmix64 finalisers.
RECON_HOST_DEVICE inline std::uint64_t mix(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

/// Uniform on [0, 1) with 53 bits.
RECON_HOST_DEVICE inline double uniform(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32) | low;
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

/// Element `index` of the standard normal sequence of (key, step): Box-Muller on the block of pair index / 2.
RECON_HOST_DEVICE inline double normal(std::uint64_t key, std::uint32_t step, std::uint64_t index) {
  const std::uint64_t pair = index >> 1;
  const Block random = block({{static_cast<std::uint32_t>(pair), static_cast<std::uint32_t>(pair >> 32), step, 0U}},
                             static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32));
  const double u = 1.0 - uniform(random.word[0], random.word[1]);  // (0, 1]: log is finite
  const double angle = 6.283185307179586 * uniform(random.word[2], random.word[3]);
  const double radius = std::sqrt(-2.0 * std::log(u));
  return (index & 1U) != 0 ? radius * std::sin(angle) : radius * std::cos(angle);
}

}  // namespace recon::philox
