#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/kspace_set.h"

namespace recon {

/// Which k-space each item's coil maps come from.
struct CalibrationSources {
  static constexpr std::int64_t own = -1, none = -2;

  std::vector<at::Tensor> shared;     ///< [coils, H, W]: calibration lines, averages over time
  std::vector<bool> of_other_scan;    ///< of `shared`: lines for maps only, whose contrast may be another
  std::vector<std::int64_t> of_item;  ///< index in `shared`, own or none
  std::vector<std::string> notes;
};

/// For every item the first of these whose fully sampled centre has `smallest` lines a side: its calibration lines, its
/// own data, the average over the items that differ in time only (interleaved repetitions, TSENSE; Kellman et al.
/// 2001). `own_only`: its own data, nothing else.
CalibrationSources find_calibration(const KspaceSet& set, std::int64_t smallest, bool own_only);

}  // namespace recon
