#include "data/bit_depth.h"

#include <fmt/format.h>

namespace recon {

std::string bit_depth_warning(double smallest, double largest, const std::string& remedy) {
  if (!(largest > 0)) return "";
  for (const int bits : {8, 10, 12, 14}) {
    const int full = (1 << bits) - 1;
    if (largest > full) continue;
    return fmt::format(
        "16-bit values from {:g} to {:g}: do they have {} bits (full scale {})? They are divided by 65535; {}",
        smallest, largest, bits, full, fmt::format(fmt::runtime(remedy), full));
  }
  return "";
}

}  // namespace recon
