#include "data/nxtomo_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <utility>

#include "data/hdf5/hdf5_file.h"
#include "data/nxtomo_axis.h"
#include "data/nxtomo_layout.h"
#include "recon/core/error.h"
#include "recon/core/log.h"

namespace recon {
namespace {

constexpr std::int64_t projection_key = 0, flat_key = 1, dark_key = 2;
constexpr std::int64_t block_bytes = std::int64_t{256} << 20;  ///< of counts that are held at once

std::vector<std::int64_t> frames_with(const std::vector<std::int64_t>& keys, std::int64_t key) {
  std::vector<std::int64_t> frames;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) frames.push_back(static_cast<std::int64_t>(i));
  }
  return frames;
}

at::Tensor chosen_frames(const at::Tensor& counts, const std::vector<std::int64_t>& frames) {
  return counts.index_select(0, at::tensor(frames, at::kLong));
}

}  // namespace

struct NxTomoFile::Scan {
  /// Flat fields that were taken at one time: no projection lies between them.
  struct FlatGroup {
    std::vector<std::int64_t> frames;
    double middle = 0;  ///< the mean of their places among all frames
  };

  /// What became of the counts [frame, rows, x] of some rows.
  struct Corrected {
    std::int64_t first_row = 0, rows = 0;
    at::Tensor y, std;  ///< [rows, views, x]
  };

  static std::vector<FlatGroup> flat_groups(const std::vector<std::int64_t>& keys) {
    std::vector<FlatGroup> groups;
    bool open = false;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == projection_key) open = false;
      if (keys[i] != flat_key) continue;
      if (!open) groups.emplace_back();
      open = true;
      groups.back().frames.push_back(static_cast<std::int64_t>(i));
    }
    for (FlatGroup& group : groups) {
      for (const std::int64_t frame : group.frames) {
        group.middle += static_cast<double>(frame) / static_cast<double>(group.frames.size());
      }
    }
    return groups;
  }

  Scan(std::string file, NxTomoLayout parts) : path(std::move(file)), layout(std::move(parts)) {}

  std::string path;
  NxTomoLayout layout;
  std::vector<std::int64_t> views, darks;
  std::vector<FlatGroup> flats;
  at::Tensor angles;
  double gain = 1, axis_offset = 0;
  std::string axis_source = "nobody";
  mutable std::mutex mutex;
  mutable Corrected block;  ///< the rows that were corrected last

  std::int64_t rows() const { return layout.counts.shape()[1]; }
  std::int64_t bins() const { return layout.counts.shape()[2]; }
  double pixel() const { return layout.pixel_mm ? (*layout.pixel_mm)[0] : 1; }

  at::Tensor counts_of(std::int64_t first, std::int64_t count) const {
    const at::Tensor counts =
        layout.counts.read_block({0, first, 0}, {layout.counts.shape()[0], count, bins()}).to(at::kDouble);
    return counts;
  }

  std::int64_t rows_at_once() const {
    const std::int64_t row = layout.counts.shape()[0] * bins() * static_cast<std::int64_t>(sizeof(double));
    return std::clamp<std::int64_t>(block_bytes / row, 1, rows());
  }

  /// Mean flat field of each view [views, rows, x], and in `share` how many flat fields it is the mean of.
  at::Tensor flat_of_views(const at::Tensor& counts, at::Tensor& share) const {
    std::vector<at::Tensor> means;
    for (const FlatGroup& group : flats) means.push_back(chosen_frames(counts, group.frames).mean(0));
    std::vector<at::Tensor> all;
    std::vector<double> shares;
    for (const std::int64_t view : views) {
      std::size_t after = 0;
      while (after < flats.size() && flats[after].middle < static_cast<double>(view)) ++after;
      const std::size_t before = after == 0 ? 0 : after - 1;
      if (after == flats.size()) after = before;
      const double gap = flats[after].middle - flats[before].middle;
      const double weight = gap > 0 ? (static_cast<double>(view) - flats[before].middle) / gap : 0;
      all.push_back(means[before] * (1 - weight) + means[after] * weight);
      const auto size = [&](std::size_t i) { return static_cast<double>(flats[i].frames.size()); };
      shares.push_back(before == after
                           ? size(before)
                           : 1 / ((1 - weight) * (1 - weight) / size(before) + weight * weight / size(after)));
    }
    share = at::tensor(shares, at::kDouble).view({-1, 1, 1});
    return at::stack(all);
  }

  /// The mean of the dark fields, and their variance: [rows, x] each, 0 where there is none (or one).
  std::pair<at::Tensor, at::Tensor> dark_of(const at::Tensor& counts) const {
    const at::Tensor none = at::zeros({counts.size(1), counts.size(2)}, at::kDouble);
    if (darks.empty()) return {none, none};
    const at::Tensor frames = chosen_frames(counts, darks);
    // The variance of few frames is worth little at one pixel: that of the row.
    const at::Tensor variance = darks.size() > 1 ? frames.var(0, true).mean(1, true).expand_as(none) : none;
    return {frames.mean(0), variance};
  }

  Corrected corrected(std::int64_t first, const at::Tensor& counts) const {
    const auto [dark, dark_variance] = dark_of(counts);
    at::Tensor share;
    const at::Tensor open = flat_of_views(counts, share) - dark;
    const at::Tensor seen = chosen_frames(counts, views) - dark;
    const at::Tensor measured = (seen > 0).logical_and(open > 0);  // NaN is neither
    const at::Tensor safe_seen = at::where(measured, seen, 1), safe_open = at::where(measured, open, 1);
    const at::Tensor y = (safe_open.log() - safe_seen.log()) / pixel();
    // At least a photon: a pixel that happens to count next to nothing is not known exactly.
    const at::Tensor variance = (gain * safe_seen.clamp_min(gain) + dark_variance) / safe_seen.square() +
                                (gain * safe_open + dark_variance) / safe_open.square() / share;
    Corrected result{.first_row = first, .rows = counts.size(1), .y = {}, .std = {}};
    const auto by_rows = [](const at::Tensor& frames) { return frames.to(at::kFloat).transpose(0, 1).contiguous(); };
    result.y = by_rows(at::where(measured, y, std::numeric_limits<double>::quiet_NaN()));
    result.std = by_rows(at::where(measured, variance.sqrt() / pixel(), std::numeric_limits<double>::infinity()));
    return result;
  }

  /// The corrected counts of one row.
  std::pair<at::Tensor, at::Tensor> row(std::int64_t index) const {
    const std::scoped_lock lock(mutex);
    if (!block.y.defined() || index < block.first_row || index >= block.first_row + block.rows) {
      block = {};
      block = corrected(index, counts_of(index, std::min(rows_at_once(), rows() - index)));
    }
    return {block.y[index - block.first_row], block.std[index - block.first_row]};
  }

  /// By the counts of some rows.
  void measure_gain(const at::Tensor& counts);
  void find_axis(const at::Tensor& counts);
};

/// The variance of flat fields between each other, over their mean.
void NxTomoFile::Scan::measure_gain(const at::Tensor& counts) {
  const auto [dark, dark_variance] = dark_of(counts);
  double noise = 0, light = 0;
  for (const FlatGroup& group : flats) {
    if (group.frames.size() < 2) continue;
    at::Tensor frames = chosen_frames(counts, group.frames) - dark;
    const at::Tensor brightness = frames.mean({1, 2}, true);
    if (!(brightness.min().item<double>() > 0)) continue;
    frames = frames / brightness * brightness.mean();  // the source flickers
    const at::Tensor mean = frames.mean(0);
    const at::Tensor each = (frames.var(0, true) - dark_variance) / mean;
    const double usual = each.nanmedian().item<double>();
    const at::Tensor sound = (mean > 0).logical_and(each < 10 * std::abs(usual));  // no particle hit the pixel
    noise += at::where(sound, each * mean, 0).sum().item<double>();
    light += at::where(sound, mean, 0).sum().item<double>();
  }
  if (noise > 0 && light > 0) {
    gain = noise / light;
  } else {
    gain = 1;
    log::warn(
        "{}: its flat fields do not show how many counts a photon makes (several are needed): 1 is taken; set "
        "counts_per_photon, or a noise level",
        path);
  }
}

void NxTomoFile::Scan::find_axis(const at::Tensor& counts) {
  const Corrected some = corrected(0, counts);
  std::vector<at::Tensor> sinograms, levels;
  for (const std::int64_t row : {std::int64_t{0}, some.rows / 2, some.rows - 1}) {
    sinograms.push_back(some.y[row]);
    levels.push_back(some.std[row]);
  }
  const MirrorFit fit(at::stack(sinograms), at::stack(levels), layout.angles_deg_of(views));
  const double middle = (static_cast<double>(bins()) - 1) / 2;
  if (layout.axis_px) {
    const double from_middle = *layout.axis_px, from_edge = *layout.axis_px - middle;
    const bool edge_possible = std::abs(from_edge) <= middle, middle_possible = std::abs(from_middle) <= middle;
    if (!edge_possible && !middle_possible) {
      throw data_error(layout.counts.location(),
                       "its rotation axis is at pixel {} of {}, off the detector; correct it by axis_offset_px",
                       *layout.axis_px, bins());
    }
    const bool edge = edge_possible && (!middle_possible || fit.misfit(from_edge) <= fit.misfit(from_middle));
    axis_offset = edge ? from_edge : from_middle;
    axis_source = edge ? "file (pixels from the left edge)" : "file (pixels from the middle)";
    return;
  }
  if (const auto best = fit.best()) {
    axis_offset = *best;
    axis_source = "data (views half a turn apart)";
    log::info("{}: the file does not say where the rotation axis is: {:.2f} pixels from the middle, by the data", path,
              axis_offset);
  } else {
    log::warn(
        "{}: neither the file nor its views say where the rotation axis is: the middle of the detector is taken; "
        "set axis_offset_px",
        path);
  }
}

NxTomoFile NxTomoFile::open(const std::string& path, const NxTomoOptions& options) {
  const hdf5::File file = hdf5::File::open(path);
  std::string entry = options.entry;
  if (entry.empty()) {
    const std::vector<std::string> entries = nxtomo_entries(file);
    if (entries.empty()) throw data_error(path, "expected a scan as NXtomo lays it out, there is none");
    if (entries.size() > 1) {
      throw data_error(path, "holds {} scans: {}; say which by `entry: NAME`", entries.size(),
                       fmt::join(entries, ", "));
    }
    entry = entries.front();
  }
  auto scan = std::make_shared<Scan>(path, nxtomo_layout(file, entry));
  const std::vector<std::int64_t>& keys = scan->layout.keys;
  scan->views = frames_with(keys, projection_key);
  scan->darks = frames_with(keys, dark_key);
  scan->flats = Scan::flat_groups(keys);
  if (scan->views.empty()) throw data_error(path, "has no projection (image_key 0)");
  if (scan->flats.empty()) {
    throw data_error(path,
                     "has no flat field (image_key 1), which tells how much light there is without the sample; if its "
                     "numbers are transmissions or line integrals already, read them by `format: dataset`");
  }
  if (scan->darks.empty()) log::info("{}: no dark field (image_key 2): the detector's offset is taken as 0", path);
  scan->angles = at::tensor(scan->layout.angles_deg_of(scan->views), at::kDouble);
  // Rows in the middle, read once, tell what the file does not say.
  constexpr std::int64_t most_rows = 64;
  const std::int64_t rows = std::min({scan->rows_at_once(), scan->rows(), most_rows});
  const at::Tensor middle = scan->counts_of((scan->rows() - rows) / 2, rows);
  scan->gain = options.counts_per_photon;
  if (!(scan->gain > 0)) scan->measure_gain(middle);
  if (options.axis_offset_px) {
    scan->axis_offset = *options.axis_offset_px;
    scan->axis_source = "config";
  } else {
    scan->find_axis(middle);
  }
  return NxTomoFile(scan);
}

std::int64_t NxTomoFile::rows() const { return scan_->rows(); }
std::int64_t NxTomoFile::bins() const { return scan_->bins(); }
const at::Tensor& NxTomoFile::angles_deg() const { return scan_->angles; }
double NxTomoFile::axis_offset_px() const { return scan_->axis_offset; }
const std::string& NxTomoFile::axis_source() const { return scan_->axis_source; }
std::optional<std::array<double, 2>> NxTomoFile::pixel_mm() const { return scan_->layout.pixel_mm; }
double NxTomoFile::counts_per_photon() const { return scan_->gain; }

std::array<std::int64_t, 2> NxTomoFile::fields() const {
  std::int64_t flats = 0;
  for (const auto& group : scan_->flats) flats += std::ssize(group.frames);
  return {flats, std::ssize(scan_->darks)};
}

at::Tensor NxTomoFile::sinogram(std::int64_t row) const { return scan_->row(row).first; }
at::Tensor NxTomoFile::std_map(std::int64_t row) const { return scan_->row(row).second; }

bool is_nxtomo(const std::string& path) {
  return hdf5::File::looks_like_hdf5(path) && !nxtomo_entries(hdf5::File::open(path)).empty();
}

}  // namespace recon
