#include "data/ismrmrd_trajectory.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <numbers>
#include <optional>
#include <utility>

#include "data/ismrmrd_slices.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr double kFloatRounding = 1e-5;  ///< of positions in single precision
constexpr double kRounding = 1.01;       ///< a largest number may be above its limit by a hundredth

/// Samples of one item, partition by partition.
struct Samples {
  std::map<std::int64_t, std::vector<at::Tensor>> values;     ///< [coils, n] of each line
  std::map<std::int64_t, std::vector<at::Tensor>> positions;  ///< [n, 2], in the file's units
};

/// Samples that are ready: one slice.
struct Slice {
  std::string id;
  at::Tensor values, positions;  ///< [coils, n], [n, 2]
  std::int64_t anatomy = 0;
};

class TrajectoryReader {
 public:
  TrajectoryReader(const IsmrmrdHeader& header, const SortedLines& lines, const KspaceOptions& options,
                   const std::string& path)
      : path_(path),
        header_(header),
        lines_(lines),
        options_(options),
        encoding_(header.encodings[static_cast<std::size_t>(lines.encoding)]),
        names_(lines.imaging) {}

  KspaceSet read() {
    collect();
    const double factor = cycles_per_field_of_view();
    std::vector<Slice> slices;
    for (const auto& [counters, samples] : items_) add_slices(counters, samples, factor, slices);
    keep_equal_counts(slices);
    return set_of(slices);
  }

 private:
  void collect() {
    std::int64_t bytes = 0;
    constexpr std::int64_t max_bytes = std::int64_t{16} << 30;
    for (const Acquisition* line : lines_.imaging) {
      const Readout& head = line->head;
      const std::string location = fmt::format("{} acquisition {}", path_, line->index);
      if (head.trajectory_dimensions == 0) {
        throw data_error(location,
                         "the header calls the trajectory other than Cartesian, but the acquisition does not "
                         "say where its samples lie; write the trajectory into the file");
      }
      const at::Tensor positions = line->positions();
      if (head.trajectory_dimensions < 2 || (head.trajectory_dimensions > 2 && varies(positions))) {
        throw data_error(location, "expected a trajectory in two dimensions, found {}", head.trajectory_dimensions);
      }
      require_finite(positions, location + " trajectory");
      bytes += 8 * head.channels * head.kept_samples();
      if (bytes > max_bytes) throw data_error(location, "the samples are more than 16 GiB; split the file");
      Samples& item = items_[head.counters];
      item.values[head.partition].push_back(line->values());
      item.positions[head.partition].push_back(positions.narrow(1, 0, 2));
      largest_ = std::max(largest_, positions.narrow(1, 0, 2).abs().max().item<double>());
    }
  }

  /// Whether a third number says more than which partition it is.
  static bool varies(const at::Tensor& positions) {
    const at::Tensor third = positions.slice(1, 2, 3);
    return (third - third[0]).abs().max().item<double>() > 1e-6 * std::max(1.0, positions.abs().max().item<double>());
  }

  double longer_side() const { return static_cast<double>(std::max(encoding_.rows, encoding_.columns)); }

  TrajectoryUnits units() {
    using enum TrajectoryUnits;
    if (options_.trajectory) return *options_.trajectory;
    const double metres = std::max(encoding_.row_mm, encoding_.column_mm) / 1000;
    std::optional<TrajectoryUnits> found;
    if (largest_ <= 0.5 * kRounding) {
      found = cycles_per_pixel;
    } else if (largest_ > 0.8 * std::numbers::pi && largest_ <= std::numbers::pi * kRounding) {
      found = radians_per_pixel;
    } else if (largest_ <= longer_side() / 2 * kRounding) {
      found = cycles_per_field_of_view;
    } else if (largest_ * metres <= longer_side() / 2 * kRounding) {
      found = cycles_per_metre;
    }
    if (!found) {
      throw data_error(path_,
                       "a trajectory of numbers up to {:.4g} reaches beyond the encoded {} x {} in any unit; "
                       "correct the matrix, or set trajectory_units",
                       largest_, encoding_.rows, encoding_.columns);
    }
    notes_.push_back(
        fmt::format("the trajectory's numbers, up to {:.4g}, are taken as {}", largest_, to_string(*found)));
    return *found;
  }

  /// What positions along the rows are multiplied with; along the columns likewise, by columns_over_rows_.
  double cycles_per_field_of_view() {
    using enum TrajectoryUnits;
    const auto rows = static_cast<double>(encoding_.rows), columns = static_cast<double>(encoding_.columns);
    columns_over_rows_ = columns / rows;
    switch (units()) {
      case cycles_per_pixel:
        return rows;
      case radians_per_pixel:
        return rows / (2 * std::numbers::pi);
      case cycles_per_metre:
        columns_over_rows_ = encoding_.column_mm / encoding_.row_mm;
        return encoding_.row_mm / 1000;
      case cycles_per_field_of_view:
        break;
    }
    columns_over_rows_ = 1;
    return 1;
  }

  void add_slices(const ItemNames::Counters& counters, const Samples& samples, double factor,
                  std::vector<Slice>& slices) {
    const std::string id = names_.of(counters);
    const ItemNames::Counters still{counters[0], counters[1], 0, 0, counters[4]};
    const auto anatomy = anatomies_.emplace(still, static_cast<std::int64_t>(anatomies_.size())).first->second;
    const at::Tensor scale = at::tensor({factor, factor * columns_over_rows_}, at::kDouble);
    at::Tensor positions = at::cat(samples.positions.begin()->second) * scale;
    at::Tensor volume = partitions_of(samples, positions, scale, id);  // [slices, coils, n]
    const at::Tensor limit =
        at::tensor({static_cast<double>(encoding_.rows) / 2, static_cast<double>(encoding_.columns) / 2}, at::kDouble);
    const at::Tensor inside = (positions.abs() <= limit * (1 + kFloatRounding)).all(1).nonzero().squeeze(1);
    beyond_ += positions.size(0) - inside.size(0);
    positions = at::minimum(at::maximum(positions.index_select(0, inside), -limit), limit);
    volume = volume.index_select(2, inside);
    const std::int64_t count = volume.size(0);
    for (std::int64_t z = 0; z < count; ++z) {
      slices.push_back({.id = id + (count > 1 ? fmt::format("_partition{}", z) : ""),
                        .values = volume[z],
                        .positions = positions,
                        .anatomy = anatomy * count + z});
    }
  }

  /// Of one partition as it is; of a stack, the slices.
  at::Tensor partitions_of(const Samples& samples, const at::Tensor& positions, const at::Tensor& scale,
                           const std::string& id) const {
    const at::Tensor first = at::cat(samples.values.begin()->second, 1);
    if (samples.values.size() == 1) return first.unsqueeze(0);
    const std::int64_t partitions = encoding_.partitions;
    const std::int64_t centre = encoding_.partition_centre.value_or(partitions / 2);
    std::vector<at::Tensor> stack(static_cast<std::size_t>(partitions));
    for (const auto& [partition, lines] : samples.values) {
      const std::int64_t place = partition - centre + partitions / 2;
      const at::Tensor its = at::cat(samples.positions.at(partition)) * scale;
      const bool alike = its.sizes() == positions.sizes() && (its - positions).abs().max().item<double>() < 1e-2;
      if (place < 0 || place >= partitions || !alike) {
        throw data_error(
            path_ + " " + id,
            "expected a stack with the same trajectory in each of {} partitions, partition {} has another; "
            "such data are not read",
            partitions, partition);
      }
      stack[static_cast<std::size_t>(place)] = at::cat(lines, 1);
    }
    if (!std::all_of(stack.begin(), stack.end(), [](const at::Tensor& one) { return one.defined(); })) {
      throw data_error(path_ + " " + id, "expected a stack of {} partitions, found {}; such data are not read",
                       partitions, samples.values.size());
    }
    return central_slices(at::stack(stack, 1).unsqueeze(3), encoding_.kept_partitions).squeeze(3);
  }

  /// A measurement file has one shape for all of its items.
  void keep_equal_counts(std::vector<Slice>& slices) {
    std::map<std::int64_t, std::int64_t> counts;
    for (const Slice& slice : slices) ++counts[slice.values.size(1)];
    const auto most = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second, a.first) < std::pair(b.second, b.first);
    });
    std::erase_if(slices, [&](const Slice& slice) {
      if (slice.values.size(1) == most->first) return false;
      notes_.push_back(
          fmt::format("{} is left out: it has {} samples, most have {}", slice.id, slice.values.size(1), most->first));
      log::warn("{} {}: left out, it has {} samples where most items have {}", path_, slice.id, slice.values.size(1),
                most->first);
      return true;
    });
    if (beyond_ > 0) notes_.push_back(fmt::format("{} samples beyond the edge of k-space are left out", beyond_));
  }

  KspaceSet set_of(const std::vector<Slice>& slices) {
    KspaceSet set{.format = "ISMRMRD", .ids = {}, .kspace = {}, .noise = {}};
    set.noise = noise_scan(lines_.noise, lines_.imaging.front()->head.dwell_us, header_);
    std::vector<at::Tensor> values, positions;
    for (const Slice& slice : slices) {
      set.ids.push_back(slice.id);
      set.anatomy.push_back(slice.anatomy);
      values.push_back(slice.values);
      positions.push_back(slice.positions);
    }
    set.kspace = at::stack(values);
    set.positions = at::stack(positions);
    set.matrix = {encoding_.rows, encoding_.columns};
    set.readout = encoding_.kept_rows;
    set.phase = encoding_.kept_columns;
    set.notes = notes_;
    set.description = header_.system;
    SortedLines lines = lines_;
    if (!lines.calibration.empty()) lines.left_out["calibration"] += std::ssize(lines.calibration);
    describe_lines(set, lines, 0, false);
    return set;
  }

  const std::string& path_;
  const IsmrmrdHeader& header_;
  const SortedLines& lines_;
  const KspaceOptions& options_;
  const IsmrmrdEncoding& encoding_;
  ItemNames names_;
  std::map<ItemNames::Counters, Samples> items_;
  std::map<ItemNames::Counters, std::int64_t> anatomies_;
  double largest_ = 0, columns_over_rows_ = 1;
  std::int64_t beyond_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace

KspaceSet read_trajectories(const IsmrmrdHeader& header, const SortedLines& lines, const KspaceOptions& options,
                            const std::string& path) {
  return TrajectoryReader(header, lines, options, path).read();
}

}  // namespace recon
