#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace recon {

/// Pairs (i, j), i <= j, of the upper triangle of an n x n matrix in its order here, row by row: int64 [n (n + 1) / 2]
/// each.
std::pair<at::Tensor, at::Tensor> upper_triangle(std::int64_t n);

/// Dominant eigenvectors [n, P], of norm 1 and any phase, and eigenvalues [P] of P Hermitian matrices without negative
/// eigenvalues, complex [n (n + 1) / 2, P] on the CPU: their upper triangles, a plane per entry.
///
/// A matrix of trace 1 is squared until it has rank one to rounding: tr M² = 1. The share of the others is squared with
/// it, so that four squarings serve where the second eigenvalue is a third of the first, and any start vector is as
/// good as another. Where two eigenvalues are equal to 1e-6 the vector is one of those that they share.
std::pair<at::Tensor, at::Tensor> dominant_eigenvectors(const at::Tensor& triangles);

}  // namespace recon
