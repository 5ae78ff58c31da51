#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "recon/solvers/solver.h"

namespace recon {

/// Mean and standard deviation over the posterior samples of each item.
struct SampleSummary {
  std::vector<std::uint64_t> items;  ///< StreamKey::item, in order of first appearance
  std::vector<std::int64_t> counts;  ///< samples used, per item
  at::Tensor mean;                   ///< `[items, C, H, W]`
  at::Tensor std;                    ///< the same shape, unbiased (divided by n - 1); NaN for an item with one sample
};

/// Groups a solver's batch by item. Diverged entries are left out; an item that has only such keeps them all with
/// count 0, so that its picture can be looked at. Complex images: the std is that of |x - mean|.
SampleSummary combine_samples(const at::Tensor& x, const std::vector<StreamKey>& keys,
                              const std::vector<Outcome>& outcomes);

}  // namespace recon
