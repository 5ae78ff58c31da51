#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "recon/metrics/sample_spread.h"
#include "recon/solvers/solver.h"

namespace recon {

/// The keys of samples 0, 1, ... of an item. `antithetic`: two by two they share their noise, with opposite sign; of an
/// odd number the last one is by itself.
std::vector<StreamKey> sample_keys(std::uint64_t item, std::int64_t samples, bool antithetic);
/// Which of one item's keys are a pair.
SamplePairs pairs_of(const std::vector<StreamKey>& keys);

/// Mean and standard deviation over the posterior samples of each item.
struct SampleSummary {
  std::vector<std::uint64_t> items;  ///< StreamKey::item, in order of first appearance
  std::vector<std::int64_t> counts;  ///< samples used, per item
  at::Tensor mean;                   ///< `[items, C, H, W]`
  at::Tensor std;                    ///< the same shape, of spread_of(); NaN for an item with one sample
};

/// Groups a solver's batch by item. Diverged entries are left out; an item that has only such keeps them all with
/// count 0, so that its picture can be looked at. Complex images: the std is that of |x - mean|.
SampleSummary combine_samples(const at::Tensor& x, const std::vector<StreamKey>& keys,
                              const std::vector<Outcome>& outcomes);

}  // namespace recon
