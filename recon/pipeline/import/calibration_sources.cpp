#include "recon/pipeline/import/calibration_sources.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <map>

#include "operators/mri/channels.h"

namespace recon {
namespace {

bool has_centre(const at::Tensor& kspace, std::int64_t smallest) {
  return find_calibration_centre(kspace, smallest, smallest).defined();
}

at::Tensor sampled_as_numbers(const at::Tensor& kspace) { return (kspace != 0).any(0).to(at::kFloat); }

/// The mean of the items with that number of `anatomy`, each sample weighted by its averages.
at::Tensor time_average(const KspaceSet& set, std::int64_t anatomy) {
  at::Tensor sum, count;
  for (std::int64_t i = 0; i < set.kspace.size(0); ++i) {
    if (set.anatomy[static_cast<std::size_t>(i)] != anatomy) continue;
    const at::Tensor weight = set.averages.defined() ? set.averages[i] : sampled_as_numbers(set.kspace[i]);
    const at::Tensor part = set.kspace[i] * weight;
    sum = sum.defined() ? sum + part : part;
    count = count.defined() ? count + weight : weight;
  }
  return sum / count.where(count > 0, at::ones({}));
}

}  // namespace

CalibrationSources find_calibration(const KspaceSet& set, std::int64_t smallest, bool own_only) {
  CalibrationSources sources;
  std::map<std::int64_t, std::int64_t> averages;  // anatomy -> index in shared, or none
  std::int64_t by_lines = 0, by_time = 0;
  const auto add = [&](const at::Tensor& kspace, bool other_scan) {
    sources.shared.push_back(kspace);
    sources.of_other_scan.push_back(other_scan);
    return static_cast<std::int64_t>(sources.shared.size()) - 1;
  };
  for (std::int64_t i = 0; i < set.kspace.size(0); ++i) {
    std::int64_t source = CalibrationSources::none;
    if (!own_only && set.calibration.defined() && has_centre(set.calibration[i], smallest)) {
      source = add(set.calibration[i], true);
      ++by_lines;
    } else if (has_centre(set.kspace[i], smallest)) {
      source = CalibrationSources::own;
    } else if (!own_only && !set.anatomy.empty()) {
      const std::int64_t anatomy = set.anatomy[static_cast<std::size_t>(i)];
      if (!averages.contains(anatomy)) {
        const at::Tensor mean = time_average(set, anatomy);
        averages[anatomy] = has_centre(mean, smallest) ? add(mean, false) : CalibrationSources::none;
      }
      source = averages.at(anatomy);
      by_time += source >= 0 ? 1 : 0;
    }
    sources.of_item.push_back(source);
  }
  if (by_lines > 0) sources.notes.push_back(fmt::format("coil maps of {} item(s) from calibration lines", by_lines));
  if (by_time > 0) {
    sources.notes.push_back(
        fmt::format("coil maps of {} item(s) from the average over repetitions, as their own lines leave gaps in the "
                    "centre",
                    by_time));
  }
  return sources;
}

}  // namespace recon
