#include "recon/pipeline/solve/samples.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {

std::vector<StreamKey> sample_keys(std::uint64_t item, std::int64_t samples, bool antithetic) {
  std::vector<StreamKey> keys;
  for (std::int64_t s = 0; s < samples; ++s) {
    const bool second = antithetic && s % 2 == 1;
    keys.push_back({.item = item, .sample = static_cast<std::uint32_t>(second ? s - 1 : s), .mirrored = second});
  }
  return keys;
}

SamplePairs pairs_of(const std::vector<StreamKey>& keys) {
  std::vector<std::int64_t> partner(keys.size(), -1);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < keys.size(); ++j) {
      if (keys[i].sample == keys[j].sample && keys[i].mirrored != keys[j].mirrored) {
        partner[i] = static_cast<std::int64_t>(j);
      }
    }
  }
  return SamplePairs(std::move(partner));
}

SampleSummary combine_samples(const at::Tensor& x, const std::vector<StreamKey>& keys,
                              const std::vector<Outcome>& outcomes) {
  const auto batch = static_cast<std::size_t>(x.size(0));
  if (keys.size() != batch || outcomes.size() != batch) {
    throw internal_error("combine_samples", "expected {} keys and outcomes, got {} and {}", batch, keys.size(),
                         outcomes.size());
  }
  SampleSummary summary;
  for (const StreamKey& key : keys) {
    if (std::find(summary.items.begin(), summary.items.end(), key.item) == summary.items.end()) {
      summary.items.push_back(key.item);
    }
  }
  std::vector<at::Tensor> means, stds;
  for (const std::uint64_t item : summary.items) {
    std::vector<std::int64_t> all, usable;
    for (std::size_t i = 0; i < batch; ++i) {
      if (keys[i].item != item) continue;
      all.push_back(static_cast<std::int64_t>(i));
      if (outcomes[i] != Outcome::diverged) usable.push_back(static_cast<std::int64_t>(i));
    }
    const std::vector<std::int64_t>& kept = usable.empty() ? all : usable;
    std::vector<StreamKey> kept_keys;
    for (const std::int64_t i : kept) kept_keys.push_back(keys[static_cast<std::size_t>(i)]);
    const SampleSpread spread = spread_of(x.index_select(0, at::tensor(kept).to(x.device())), pairs_of(kept_keys));
    means.push_back(spread.mean);
    stds.push_back(spread.std);
    summary.counts.push_back(static_cast<std::int64_t>(usable.size()));
  }
  summary.mean = at::stack(means);
  summary.std = at::stack(stds);
  return summary;
}

}  // namespace recon
