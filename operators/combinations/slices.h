#pragma once

#include <cstdint>
#include <vector>

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// Volumes [batch, C, D, H, W] as their slices [batch D, C, H, W], slice after slice, and back.
at::Tensor slices_of_volume(const at::Tensor& volume);
at::Tensor volume_of_slices(const at::Tensor& slices, std::int64_t count);

/// A two-dimensional operator on every slice of a volume: y[d] = A_d x[:, d].
///
/// The domain is [C, D, H, W] with D = `slices`, the range [D, range of A...], so that the data of a volume are the
/// data of its slices, stacked. `parts` is one operator for all slices, which then are its batch, or one for each. What
/// the one operator is known to be, the whole is, too: unitary, spectral (the same eigenvalues in every slice),
/// filtered back-projections, magnitudes, pixels that no coil sees; support and window are those of the parts.
/// Throws Error(usage) for operators on other things than images [C, H, W], and for parts that differ in domain or
/// range.
OperatorPtr make_slices(std::vector<OperatorPtr> parts, std::int64_t slices);

OperatorKind slices_kind();

}  // namespace recon
