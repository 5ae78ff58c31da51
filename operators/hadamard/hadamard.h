#pragma once

#include <cstdint>

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// Walsh-Hadamard transform of the last axis, in natural (Hadamard) order and orthonormal: c = H x / sqrt(n) with
/// H[i, j] = (-1)^popcount(i & j); symmetric and its own inverse. n must be a power of two; log2(n) passes of
/// butterflies (Shanks, IEEE Trans. Comput. 18, 1969), real or complex, on the device of x.
at::Tensor walsh_hadamard(const at::Tensor& x);

/// Sign changes along row `index` of the Hadamard matrix of `size` (a power of two): its place in sequency order.
std::int64_t sequency(std::int64_t index, std::int64_t size);

/// A single-pixel camera with Walsh-Hadamard patterns (Duarte et al., IEEE Signal Processing Magazine 25(2), 2008):
/// [C, H, W] -> [C, m], y = S (H_rows kron H_columns) x, m of the H W coefficients, real and complex images.
///
/// Sides that are not powers of two are continued by darkness to the next one, as on a mirror array that is larger than
/// the image. Patterns are scaled to unit norm: entries of +-1 / sqrt(n) for n mirrors; multiply readings that were
/// taken with patterns of +-1 by 1 / sqrt(n). Which rows, and in which order they stand in y:
///   sequency  the lowest sums of the row's and the column's sequency, in ascending order (ties: by row)
///   random    the constant pattern and m - 1 others, from (seed); ascending in the transform's natural order
///
/// A A^H = S S^H = I when both sides are powers of two; then A^H A has the spectral form V = H, eigenvalues 0 and 1.
/// Otherwise conjugate gradients.
OperatorKind hadamard_kind();

}  // namespace recon
