#pragma once

#include <string>

namespace recon {

/// Words for 16-bit numbers that look like fewer bits stored in 16 (cameras of 10, 12 and 14 bits): their largest value
/// lies below 2^14, so that full scale, 65535, is not reached by far. Says the smallest and the largest value, how many
/// bits hold them, and `remedy` with "{}" in place of that full scale. Empty for the others, and for a picture of
/// nothing.
std::string bit_depth_warning(double smallest, double largest, const std::string& remedy);

}  // namespace recon
