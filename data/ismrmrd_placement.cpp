#include "data/ismrmrd_placement.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "recon/core/error.h"

namespace recon {
namespace {

/// Energies of one kept line, sample by sample in the order of k-space, [samples] float64.
struct LineEnergy {
  const Readout* head;
  at::Tensor samples;
};

std::vector<LineEnergy> energies_of(const std::vector<const Acquisition*>& lines) {
  std::vector<LineEnergy> energies;
  for (const Acquisition* line : lines) {
    energies.push_back({&line->head, line->values().abs().square().sum(0).to(at::kDouble)});
  }
  return energies;
}

/// The energy of each row over those lines; undefined when one of them does not fit.
at::Tensor row_profile(const std::vector<LineEnergy>& lines, ReadoutCentre centre, std::int64_t rows, bool reversed) {
  const IsmrmrdPlacement placement{.readout = centre, .notes = {}};
  at::Tensor profile = at::zeros({rows}, at::kDouble);
  for (const LineEnergy& line : lines) {
    const std::int64_t first = placement.first_row(*line.head, rows), count = line.samples.size(0);
    if (first < 0 || first + count > rows) return {};
    if (line.head->is_reversed() == reversed) profile.narrow(0, first, count).add_(line.samples);
  }
  return profile;
}

/// How far from the zero frequency the largest energy of a profile may lie in the field: echoes are never quite
/// centred.
std::int64_t tolerance_of(std::int64_t extent) { return std::max<std::int64_t>(2, extent / 32); }

/// Whether the energy near `centre` is of the order of the largest.
bool has_energy_at(const at::Tensor& profile, std::int64_t centre) {
  constexpr double share = 0.1;
  const std::int64_t first = std::clamp<std::int64_t>(centre - tolerance_of(profile.size(0)), 0, profile.size(0) - 1);
  const std::int64_t last = std::clamp<std::int64_t>(centre + tolerance_of(profile.size(0)), 0, profile.size(0) - 1);
  return profile.narrow(0, first, last - first + 1).max().item<double>() >= share * profile.max().item<double>();
}

double correlation(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor u = a.sqrt() - a.sqrt().mean(), v = b.sqrt() - b.sqrt().mean();
  return ((u * v).sum() / (u.square().sum() * v.square().sum()).sqrt().clamp_min(1e-300)).item<double>();
}

struct RowFit {
  bool fits = false, at_centre = false;
  double disagreement = 0;  ///< 1 - correlation of reversed and other lines
};

RowFit fit_of(const std::vector<LineEnergy>& lines, ReadoutCentre centre, std::int64_t rows) {
  const at::Tensor forward = row_profile(lines, centre, rows, false), back = row_profile(lines, centre, rows, true);
  if (!forward.defined() || !back.defined()) return {};
  const bool both = forward.any().item<bool>() && back.any().item<bool>();
  return {.fits = true,
          .at_centre = has_energy_at(forward + back, rows / 2),
          .disagreement = both ? 1 - correlation(forward, back) : 0};
}

/// `stated` unless another reading fits the data far better.
ReadoutCentre choose_readout(const std::vector<LineEnergy>& lines, std::int64_t rows, const std::string& path,
                             std::vector<std::string>& notes) {
  const RowFit stated = fit_of(lines, ReadoutCentre::stated, rows);
  for (const ReadoutCentre other : {ReadoutCentre::after_reversal, ReadoutCentre::middle}) {
    const RowFit fit = fit_of(lines, other, rows);
    // Half the disagreement: noise alone does not bring that about.
    const bool better =
        !stated.fits || (!stated.at_centre && fit.at_centre) || fit.disagreement < 0.5 * stated.disagreement - 1e-3;
    if (!fit.fits || !fit.at_centre || !better) continue;
    notes.push_back(fmt::format(
        "centre_sample of the readouts is read as '{}', not as ISMRMRD defines it: so the lines' energies agree",
        to_string(other)));
    return other;
  }
  if (stated.fits && !stated.at_centre) {
    throw data_error(path,
                     "centre_sample contradicts the data: the zero frequency that it says has less than a tenth of the "
                     "largest energy; correct the file, or set centre_sample to stated, after_reversal or middle");
  }
  return ReadoutCentre::stated;  // where lines do not fit, the one that does not is named when it is placed
}

/// Mean energy of each phase encoding step, [steps].
at::Tensor step_profile(const std::vector<LineEnergy>& lines, std::int64_t Readout::*counter) {
  std::map<std::int64_t, std::pair<double, std::int64_t>> sums;
  for (const LineEnergy& line : lines) {
    auto& [energy, count] = sums[line.head->*counter];
    energy += line.samples.sum().item<double>();
    ++count;
  }
  at::Tensor profile = at::zeros({sums.empty() ? 1 : sums.rbegin()->first + 1}, at::kDouble);
  for (const auto& [step, sum] : sums) profile[step] = sum.first / static_cast<double>(sum.second);
  return profile;
}

struct Centre {
  std::int64_t step = 0;
  std::string source;
};

Centre phase_centre(const std::vector<LineEnergy>& imaging, const std::vector<const Acquisition*>& calibration,
                    const IsmrmrdEncoding& encoding, const KspaceOptions& options) {
  if (options.phase_centre >= 0) return {options.phase_centre, "the option phase_centre"};
  if (encoding.phase_centre) return {*encoding.phase_centre, "the encoding limits"};
  std::set<std::int64_t> steps;
  for (const Acquisition* line : calibration) steps.insert(line->head.phase_step);
  for (const LineEnergy& line : imaging) {
    if (line.head->calibrates_and_images()) steps.insert(line.head->phase_step);
  }
  if (steps.size() > 1) return {*steps.begin() + (*steps.rbegin() - *steps.begin() + 1) / 2, "the calibration flags"};
  return {step_profile(imaging, &Readout::phase_step).argmax().item<std::int64_t>(),
          "the line of most energy, as the header has no encoding limits"};
}

void check_phase_centre(const std::vector<LineEnergy>& imaging, const Centre& centre, const IsmrmrdEncoding& encoding,
                        const std::string& path) {
  const at::Tensor profile = step_profile(imaging, &Readout::phase_step);
  const std::int64_t found = profile.argmax().item<std::int64_t>();
  if (has_energy_at(profile, centre.step) || std::abs(found - centre.step) <= encoding.columns / 8) return;
  throw data_error(path,
                   "the zero frequency is at phase encoding step {} by {}, but the most energy is at step {}, and that "
                   "one has less than a tenth of it; correct the header, or set phase_centre={}",
                   centre.step, centre.source, found, found);
}

}  // namespace

std::int64_t IsmrmrdPlacement::first_row(const Readout& head, std::int64_t rows) const {
  const std::int64_t kept = head.kept_samples();
  std::int64_t centre = kept / 2;
  if (readout == ReadoutCentre::stated) {
    centre = head.centre_sample - head.discard_pre;
    if (head.is_reversed()) centre = kept - 1 - centre;
  }
  if (readout == ReadoutCentre::after_reversal) {
    centre = head.centre_sample - (head.is_reversed() ? head.discard_post : head.discard_pre);
  }
  return rows / 2 - centre;
}

IsmrmrdPlacement place_lines(const std::vector<const Acquisition*>& imaging,
                             const std::vector<const Acquisition*>& calibration, const IsmrmrdEncoding& encoding,
                             const KspaceOptions& options, const std::string& path) {
  IsmrmrdPlacement placement;
  const std::vector<LineEnergy> lines = energies_of(imaging);
  placement.readout =
      options.centre_sample ? *options.centre_sample : choose_readout(lines, encoding.rows, path, placement.notes);
  const Centre centre = phase_centre(lines, calibration, encoding, options);
  if (options.phase_centre < 0) check_phase_centre(lines, centre, encoding, path);
  placement.phase_centre = centre.step;
  placement.notes.push_back(
      fmt::format("the zero frequency is phase encoding step {}, by {}", centre.step, centre.source));
  std::set<std::int64_t> partitions;
  for (const Acquisition* line : imaging) partitions.insert(line->head.partition);
  placement.volume = partitions.size() > 1;
  if (!placement.volume) {
    placement.partition_centre = *partitions.begin();
    if (encoding.partitions > 1) {
      placement.notes.push_back(fmt::format(
          "the header says {} partitions (3-D), all lines are of partition {}: read as two-dimensional slices",
          encoding.partitions, *partitions.begin()));
    }
    return placement;
  }
  const std::int64_t loudest = step_profile(lines, &Readout::partition).argmax().item<std::int64_t>();
  placement.partition_centre = encoding.partition_centre.value_or(loudest);
  placement.notes.push_back(fmt::format("3-D: the zero frequency is partition {}, by {}", placement.partition_centre,
                                        encoding.partition_centre ? "the encoding limits" : "its energy"));
  return placement;
}

}  // namespace recon
