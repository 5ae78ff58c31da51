#pragma once

#include <ATen/core/Tensor.h>

namespace recon {

/// What photon counts `counts` [batch, range...] were to be expected to be, from the counts alone: a count of 20
/// or more itself, else the mean over the smallest square window of 3, 5 or 9 entries a side (of the last two axes)
/// that holds four counts or more, of 9 where none does. Entries where `support` (broadcasts to the range; may be
/// undefined) is 0 are left out of the means and are 0 in the result.
///
/// The variance of a count is its expectation. A count itself in its place weighs the low ones too much: an image of
/// nothing would then explain data of about one count per entry (chi² 1).
at::Tensor expected_counts(const at::Tensor& counts, const at::Tensor& support);

}  // namespace recon
