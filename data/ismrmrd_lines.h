#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/ismrmrd_header.h"
#include "data/ismrmrd_raw.h"
#include "data/kspace_set.h"

// Private to data.
namespace recon {

/// The acquisitions of a file by what they are for.
struct SortedLines {
  using Lines = std::vector<const Acquisition*>;

  std::int64_t encoding = 0;  ///< that of `imaging`
  Lines imaging, calibration, noise;
  std::map<std::string, std::int64_t> left_out;
  std::map<std::int64_t, std::int64_t> other_encodings;  ///< imaging lines of each
  std::int64_t reversed = 0, both = 0;
};

/// Throws Error(data) where there is no imaging line, and for channels that differ.
SortedLines sort_lines(const RawFile& raw, const KspaceOptions& options, const std::string& path);

/// What items are called: slice, contrast, phase, repetition, set, of them only the counters that are ever other than
/// 0.
class ItemNames {
 public:
  using Counters = std::array<std::int64_t, 5>;

  ItemNames() = default;
  explicit ItemNames(const SortedLines::Lines& imaging);
  std::string of(const Counters& counters) const;

 private:
  std::array<bool, 5> varies_{};
};

/// The noise scan [channels, n] scaled to the bandwidth of data of that dwell time; undefined without one.
at::Tensor noise_scan(const SortedLines::Lines& noise, double dwell_us, const IsmrmrdHeader& header);

/// KspaceSet::parts, and what was left out and turned round. `calibration` lines went to coil maps, `merged`: to the
/// image, too.
void describe_lines(KspaceSet& set, const SortedLines& lines, std::int64_t calibration, bool merged);

}  // namespace recon
