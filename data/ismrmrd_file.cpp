#include "data/ismrmrd_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "data/hdf5/hdf5_file.h"
#include "data/ismrmrd_header.h"
#include "data/ismrmrd_lines.h"
#include "data/ismrmrd_placement.h"
#include "data/ismrmrd_raw.h"
#include "data/ismrmrd_slices.h"
#include "data/ismrmrd_trajectory.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

/// Builds the k-spaces of one file.
class Sorter {
 public:
  Sorter(const std::string& path, const IsmrmrdHeader& header, SortedLines lines, const KspaceOptions& options)
      : path_(path), header_(header), options_(options), lines_(std::move(lines)), encoding_(chosen_encoding()) {
    placement_ = place_lines(lines_.imaging, own_calibration(), encoding_, options, path);
    notes_ = placement_.notes;
    dwell_us_ = lines_.imaging.front()->head.dwell_us;
  }

  KspaceSet read() {
    for (const Acquisition* line : lines_.imaging) place(*line, placement_, encoding_, items_);
    names_ = ItemNames(lines_.imaging);
    place_calibration();
    if (calibration_images()) merge_calibration();
    KspaceSet set{.format = "ISMRMRD", .ids = {}, .kspace = {}, .noise = noise_scan(lines_.noise, dwell_us_, header_)};
    const double averages = add_items(set);
    set.readout = encoding_.kept_rows;
    set.phase = encoding_.kept_columns;
    describe(set, averages);
    return set;
  }

 private:
  using Lines = SortedLines::Lines;
  using Counters = ItemNames::Counters;
  using Items = std::map<Counters, GriddedLines>;

  const IsmrmrdEncoding& encoding_at(std::int64_t index) const {
    if (index < 0 || index >= static_cast<std::int64_t>(header_.encodings.size())) {
      throw data_error(path_, "lines refer to encoding space {}, the header has {}", index, header_.encodings.size());
    }
    return header_.encodings[static_cast<std::size_t>(index)];
  }

  const IsmrmrdEncoding& chosen_encoding() const {
    const IsmrmrdEncoding& encoding = encoding_at(lines_.encoding);
    return encoding;
  }

  Lines own_calibration() const {
    Lines own;
    for (const Acquisition* line : lines_.calibration) {
      if (line->head.encoding == lines_.encoding) own.push_back(line);
    }
    return own;
  }

  std::int64_t partitions() const { return placement_.volume ? encoding_.partitions : 1; }

  /// Adds a line to its item; where it does not fit on the grid: Error(data).
  void place(const Acquisition& line, const IsmrmrdPlacement& placement, const IsmrmrdEncoding& its, Items& items) {
    const Readout& head = line.head;
    const std::string location = fmt::format("{} acquisition {}", path_, line.index);
    const std::int64_t row = placement.first_row(head, encoding_.rows), kept = head.kept_samples();
    const std::int64_t column = head.phase_step - placement.phase_centre + encoding_.columns / 2;
    const std::int64_t partition =
        placement_.volume ? head.partition - placement.partition_centre + encoding_.partitions / 2 : 0;
    if (column < 0 || column >= encoding_.columns || row < 0 || row + kept > encoding_.rows || partition < 0 ||
        partition >= partitions()) {
      throw data_error(location,
                       "phase step {}, partition {} and {} samples around {} do not lie in the encoded {} x {} x {} of "
                       "the header; correct it, or set phase_centre or centre_sample",
                       head.phase_step, head.partition, kept, encoding_.rows / 2 - row, its.rows, its.columns,
                       its.partitions);
    }
    GriddedLines& item = item_of(head.counters, items, location);
    // White noise has a variance proportional to the bandwidth, 1 / dwell time: longer is worth more.
    const double weight = head.dwell_us > 0 && dwell_us_ > 0 ? head.dwell_us / dwell_us_ : 1;
    item.add(line.values(), partition, row, column, weight);
  }

  GriddedLines& item_of(const Counters& counters, Items& items, const std::string& location) {
    const auto found = items.find(counters);
    if (found != items.end()) return found->second;
    const std::int64_t channels = lines_.imaging.front()->head.channels;
    constexpr std::int64_t max_bytes = std::int64_t{16} << 30;
    const std::int64_t bytes = 8 * channels * partitions() * encoding_.rows * encoding_.columns;
    if (bytes > max_bytes / (static_cast<std::int64_t>(items_.size() + calibration_.size()) + 1)) {
      throw data_error(location, "{} slices of {} coils x {} x {} x {} are more than 16 GiB; split the file",
                       items.size() + 1, channels, partitions(), encoding_.rows, encoding_.columns);
    }
    return items[counters] = GriddedLines(channels, partitions(), encoding_.rows, encoding_.columns);
  }

  /// Calibration lines of another encoding space serve where its steps of k-space are as long.
  void place_calibration() {
    std::map<std::int64_t, IsmrmrdPlacement> placements{{lines_.encoding, placement_}};
    std::int64_t unfit = 0;
    for (const Acquisition* line : lines_.calibration) {
      const IsmrmrdEncoding& its = encoding_at(line->head.encoding);
      const auto alike = [](double a, double b) { return std::abs(a - b) <= 0.01 * std::max(a, b); };
      if (!its.cartesian || !alike(its.row_mm, encoding_.row_mm) || !alike(its.column_mm, encoding_.column_mm)) {
        ++unfit;
        continue;
      }
      if (!placements.contains(line->head.encoding)) {
        Lines same;
        std::copy_if(lines_.calibration.begin(), lines_.calibration.end(), std::back_inserter(same),
                     [&](const Acquisition* other) { return other->head.encoding == line->head.encoding; });
        placements[line->head.encoding] = place_lines(same, {}, its, options_, path_);
      }
      place(*line, placements.at(line->head.encoding), its, calibration_);
      ++calibration_lines_;
    }
    if (unfit > 0) lines_.left_out["calibration of another field of view"] += unfit;
  }

  bool calibration_images() {
    if (calibration_.empty() || options_.calibration == CalibrationUse::maps) return false;
    if (options_.calibration == CalibrationUse::image) return true;
    if (!encoding_.calibration_is_imaging) return false;
    constexpr double noise_aside = 0.2;
    for (const auto& [counters, lines] : calibration_) {
      const auto item = items_.find(counters);
      if (item == items_.end() || item->second.disagreement(lines) < noise_aside) continue;
      notes_.push_back(
          "the header calls the calibration lines a part of the image, but they differ from its lines at the same "
          "positions: used for coil maps only");
      return false;
    }
    return true;
  }

  void merge_calibration() {
    for (auto entry = calibration_.begin(); entry != calibration_.end();) {
      const auto item = items_.find(entry->first);
      if (item == items_.end()) {
        ++entry;
        continue;
      }
      item->second.merge(entry->second);
      entry = calibration_.erase(entry);
    }
    calibration_merged_ = true;
  }

  /// The calibration lines of an item: of its slice, and alike in as many counters as can be.
  const GriddedLines* calibration_of(const Counters& counters) const {
    const GriddedLines* best = nullptr;
    std::int64_t most = -1;
    for (const auto& [own, lines] : calibration_) {
      if (own[0] != counters[0]) continue;
      std::int64_t alike = 0;
      for (std::size_t i = 1; i < own.size(); ++i) alike += own[i] == counters[i] ? 1 : 0;
      if (alike > most) best = &lines;
      most = std::max(most, alike);
    }
    return best;
  }

  /// The largest number of averages.
  double add_items(KspaceSet& set) {
    const std::int64_t kept = placement_.volume ? encoding_.kept_partitions : 1;
    std::vector<at::Tensor> kspace, averages, calibration;
    std::map<Counters, std::int64_t> anatomies;
    for (const auto& [counters, lines] : items_) {
      const SliceStack stack = lines.slices(kept, path_ + " " + names_.of(counters));
      const GriddedLines* own = calibration_of(counters);
      const at::Tensor maps_only = own != nullptr ? own->calibration_slices(kept) : at::zeros_like(stack.kspace);
      // Repetitions and phases of a cycle show one anatomy in one coil.
      const Counters still{counters[0], counters[1], 0, 0, counters[4]};
      const auto anatomy = anatomies.emplace(still, static_cast<std::int64_t>(anatomies.size())).first->second;
      for (std::int64_t z = 0; z < kept; ++z) {
        set.ids.push_back(names_.of(counters) + (placement_.volume ? fmt::format("_partition{}", z) : ""));
        set.anatomy.push_back(anatomy * kept + z);
      }
      kspace.push_back(stack.kspace);
      averages.push_back(stack.averages);
      calibration.push_back(maps_only);
    }
    set.kspace = at::cat(kspace);
    const at::Tensor counts = at::cat(averages);
    if (!(counts.eq(0).logical_or(counts.eq(1))).all().item<bool>()) set.averages = counts;
    if (!calibration_.empty()) set.calibration = at::cat(calibration);
    return counts.max().item<double>();
  }

  void describe(KspaceSet& set, double averages) {
    set.notes = notes_;
    set.description = header_.system + (averages > 1 ? fmt::format("; up to {:g} averages", averages) : "");
    describe_lines(set, lines_, calibration_lines_, calibration_merged_);
    if (lines_.reversed > 0 && lines_.left_out.contains("phase correction")) {
      set.notes.emplace_back(
          "phase correction lines are not applied: reversed readouts may leave ghosts of half the image");
    }
  }

  const std::string& path_;
  const IsmrmrdHeader& header_;
  const KspaceOptions& options_;
  SortedLines lines_;
  const IsmrmrdEncoding& encoding_;
  IsmrmrdPlacement placement_;
  ItemNames names_;
  std::vector<std::string> notes_;
  double dwell_us_ = 0;  ///< of the first imaging line, whose noise is the measure
  std::int64_t calibration_lines_ = 0;
  bool calibration_merged_ = false;
  Items items_, calibration_;
};

}  // namespace

std::string ismrmrd_group(const std::string& path) {
  const hdf5::File file = hdf5::File::open(path);
  std::vector<std::string> names = file.names();
  std::stable_partition(names.begin(), names.end(), [](const std::string& name) { return name == "dataset"; });
  for (const std::string& name : names) {
    if (!file.is_group(name)) continue;
    const hdf5::Group group = file.group(name);
    if (group.has("xml") && (group.has("data") || name == "dataset")) return name;
  }
  return "";
}

KspaceSet read_ismrmrd(const std::string& path, const KspaceOptions& options) {
  const std::string group = ismrmrd_group(path);
  const RawFile raw = read_ismrmrd_raw(path, group);
  const IsmrmrdHeader header = parse_ismrmrd_header(raw.xml, fmt::format("{}:/{}/xml", path, group));
  SortedLines lines = sort_lines(raw, options, path);
  const auto encoding = static_cast<std::size_t>(lines.encoding);
  if (encoding < header.encodings.size() && !header.encodings[encoding].cartesian) {
    return read_trajectories(header, lines, options, path);
  }
  return Sorter(path, header, std::move(lines), options).read();
}

}  // namespace recon
