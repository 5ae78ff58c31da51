#include "recon/pipeline/import/kspace_description.h"

#include <ATen/ATen.h>

namespace recon {

at::Tensor sampled_positions_of(const at::Tensor& kspace) { return (kspace != 0).any(1); }

nlohmann::ordered_json describe_kspace(const KspaceSet& set) {
  const at::Tensor mask = sampled_positions_of(set.kspace);
  nlohmann::ordered_json parts = nlohmann::ordered_json::array();
  for (const KspacePart& part : set.parts) {
    parts.push_back({{"what", part.what}, {"lines", part.lines}, {"used_for", part.used_for}});
  }
  return {{"kind", "raw k-space"},
          {"format", set.format},
          {"items", set.ids},
          {"coils", set.kspace.size(1)},
          {"matrix", {set.kspace.size(2), set.kspace.size(3)}},
          {"readout_without_oversampling", set.readout > 0 ? set.readout : set.kspace.size(2)},
          {"phase_without_oversampling", set.phase > 0 ? set.phase : set.kspace.size(3)},
          {"sampled", mask.to(at::kDouble).mean().item<double>()},
          {"averages", set.averages.defined() ? set.averages.max().item<double>() : 1},
          {"noise_samples", set.noise.defined() ? set.noise.size(1) : 0},
          {"lines", parts},
          {"notes", set.notes},
          {"description", set.description}};
}

}  // namespace recon
