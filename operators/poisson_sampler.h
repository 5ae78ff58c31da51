#pragma once

#include <cstdint>

namespace recon {

/// One Poisson(mean) number, a pure function of (key, element): Philox blocks with counter (element, attempt).
///
/// mean < 10: inversion by sequential search (exact, at most a few dozen terms). Otherwise transformed rejection PTRS
/// (W. Hörmann, "The transformed rejection method for generating Poisson random variables", Insurance: Mathematics and
/// Economics 12, 1993, pp. 39-45), exact for every mean >= 10. mean <= 0 gives 0. The C++ library's own distribution is
/// not used because its numbers differ between implementations.
double poisson(double mean, std::uint64_t key, std::uint64_t element);

}  // namespace recon
