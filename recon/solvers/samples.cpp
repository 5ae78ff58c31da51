#include "recon/solvers/samples.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {

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
    const at::Tensor samples = x.index_select(0, at::tensor(usable.empty() ? all : usable).to(x.device()));
    means.push_back(samples.mean(0));
    stds.push_back((samples - means.back()).abs().square().sum(0).div(static_cast<double>(samples.size(0) - 1)).sqrt());
    summary.counts.push_back(static_cast<std::int64_t>(usable.size()));
  }
  summary.mean = at::stack(means);
  summary.std = at::stack(stds);
  return summary;
}

}  // namespace recon
