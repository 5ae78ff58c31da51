#include "recon/pipeline/import/kspace_description.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace recon {

at::Tensor sampled_positions_of(const at::Tensor& kspace) { return (kspace != 0).any(1); }

nlohmann::ordered_json describe_kspace(const KspaceSet& set) {
  const bool grid = !set.positions.defined();
  const std::int64_t rows = grid ? set.kspace.size(2) : set.matrix[0],
                     columns = grid ? set.kspace.size(3) : set.matrix[1];
  // Off the grid: samples per position of it.
  const double sampled = grid ? sampled_positions_of(set.kspace).to(at::kDouble).mean().item<double>()
                              : static_cast<double>(set.kspace.size(2)) / static_cast<double>(rows * columns);
  nlohmann::ordered_json parts = nlohmann::ordered_json::array();
  for (const KspacePart& part : set.parts) {
    parts.push_back({{"what", part.what}, {"lines", part.lines}, {"used_for", part.used_for}});
  }
  return {{"kind", "raw k-space"},
          {"format", set.format},
          {"items", set.ids},
          {"coils", set.kspace.size(1)},
          {"trajectory", grid ? "Cartesian" : fmt::format("{} samples at positions of their own", set.kspace.size(2))},
          {"matrix", {rows, columns}},
          {"readout_without_oversampling", set.readout > 0 ? set.readout : rows},
          {"phase_without_oversampling", set.phase > 0 ? set.phase : columns},
          {"sampled", sampled},
          {"averages", set.averages.defined() ? set.averages.max().item<double>() : 1},
          {"noise_samples", set.noise.defined() ? set.noise.size(1) : 0},
          {"lines", parts},
          {"notes", set.notes},
          {"description", set.description}};
}

}  // namespace recon
