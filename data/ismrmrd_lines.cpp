#include "data/ismrmrd_lines.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <cmath>
#include <set>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

bool is_empty(const Acquisition& line) { return !(line.values() != 0).any().item<bool>(); }

/// The first encoding space with imaging lines, or the one that is asked for.
std::int64_t wanted_encoding(const RawFile& raw, const KspaceOptions& options, const std::string& path) {
  std::set<std::int64_t> imaging;
  for (const Acquisition& line : raw.acquisitions) {
    const Readout& head = line.head;
    if (!head.is_noise() && !head.is_calibration() && head.left_out_as().empty()) imaging.insert(head.encoding);
  }
  if (options.encoding < 0 && !imaging.empty()) return *imaging.begin();
  if (imaging.contains(options.encoding)) return options.encoding;
  if (imaging.empty()) throw data_error(path, "there is no imaging acquisition");
  throw data_error(path, "encoding space {} has no imaging lines, those with some are {}", options.encoding,
                   fmt::join(imaging, ", "));
}

std::int64_t count_of(const SortedLines::Lines& lines) { return static_cast<std::int64_t>(lines.size()); }

}  // namespace

SortedLines sort_lines(const RawFile& raw, const KspaceOptions& options, const std::string& path) {
  SortedLines sorted{.encoding = wanted_encoding(raw, options, path),
                     .imaging = {},
                     .calibration = {},
                     .noise = {},
                     .left_out = {},
                     .other_encodings = {}};
  std::int64_t channels = 0;
  for (const Acquisition& line : raw.acquisitions) {
    const Readout& head = line.head;
    if (const std::string what = head.left_out_as(); !what.empty()) {
      ++sorted.left_out[what];
      continue;
    }
    const std::string location = fmt::format("{} acquisition {}", path, line.index);
    if (channels == 0) channels = head.channels;
    if (head.channels != channels) {
      throw data_error(location, "expected {} channels as before, found {}", channels, head.channels);
    }
    require_finite(line.values(), location);
    if (head.is_noise()) {
      sorted.noise.push_back(&line);
    } else if (is_empty(line)) {
      ++sorted.left_out["empty (all zero)"];
    } else if (head.is_calibration()) {
      sorted.calibration.push_back(&line);
    } else if (head.encoding != sorted.encoding) {
      ++sorted.other_encodings[head.encoding];
    } else {
      sorted.imaging.push_back(&line);
      sorted.reversed += head.is_reversed() ? 1 : 0;
      sorted.both += head.calibrates_and_images() ? 1 : 0;
    }
  }
  if (sorted.imaging.empty()) throw data_error(path, "there is no imaging acquisition that is not zero");
  return sorted;
}

ItemNames::ItemNames(const SortedLines::Lines& imaging) {
  for (const Acquisition* line : imaging) {
    for (std::size_t i = 0; i < varies_.size(); ++i) varies_[i] = varies_[i] || line->head.counters[i] != 0;
  }
}

std::string ItemNames::of(const Counters& counters) const {
  constexpr std::array names{"slice", "contrast", "phase", "repetition", "set"};
  std::string id = fmt::format("slice{}", counters[0]);
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (varies_[i]) id += fmt::format("_{}{}", names[i], counters[i]);
  }
  return id;
}

at::Tensor noise_scan(const SortedLines::Lines& noise, double dwell_us, const IsmrmrdHeader& header) {
  std::vector<at::Tensor> scans;
  for (const Acquisition* line : noise) {
    const double own = line->head.dwell_us;
    const bool known = own > 0 && dwell_us > 0;
    scans.push_back(line->values() * (known ? std::sqrt(own / (dwell_us * header.noise_bandwidth)) : 1));
  }
  return scans.empty() ? at::Tensor() : at::cat(scans, 1);
}

void describe_lines(KspaceSet& set, const SortedLines& lines, std::int64_t calibration, bool merged) {
  set.parts.push_back({"imaging", count_of(lines.imaging) - lines.both, "the image"});
  if (lines.both > 0) set.parts.push_back({"calibration and imaging", lines.both, "the image, and coil maps"});
  if (calibration > 0) {
    set.parts.push_back({"calibration", calibration, merged ? "the image, and coil maps" : "coil maps only"});
  }
  if (!lines.noise.empty()) set.parts.push_back({"noise", count_of(lines.noise), "the noise level"});
  std::int64_t left_out = 0;
  for (const auto& [what, count] : lines.left_out) {
    set.parts.push_back({what, count, "left out"});
    left_out += count;
  }
  for (const auto& [encoding, count] : lines.other_encodings) {
    set.parts.push_back({fmt::format("imaging of encoding space {}", encoding), count,
                         fmt::format("left out; encoding={} reads it instead", encoding)});
    left_out += count;
  }
  if (lines.reversed > 0) set.notes.push_back(fmt::format("{} reversed readouts are turned round", lines.reversed));
  if (left_out > 0) set.description += fmt::format("; {} acquisitions left out", left_out);
}

}  // namespace recon
