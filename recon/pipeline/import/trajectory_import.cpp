#include "recon/pipeline/import/trajectory_import.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "data/bart_file.h"
#include "operators/fourier/fft.h"
#include "operators/mri/channels.h"
#include "recon/config/version.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/import/centre_block.h"
#include "recon/pipeline/import/white_level.h"

namespace recon {
namespace {

/// The part of the samples that counts as outermost, in units of the largest distance from the zero frequency.
constexpr double kOutermost = 0.9;

class TrajectoryImport {
 public:
  TrajectoryImport(const KspaceSet& source, const ImportPlan& plan, const std::string& place)
      : source_(source), plan_(plan), place_(place), kspace_(source.kspace), notes_(source.notes) {
    refuse_what_is_for_grids();
    if (from_file()) return;
    estimation_ = plan.estimation;
    estimation_.method = from_word<CoilMethod>(to_string(plan.options.coil_maps), "coil_maps");
  }

  ImportedKspace run() {
    whiten();
    find_centres();
    compress();
    scale();
    choose_field_of_view();
    find_maps();
    ImportedKspace imported;
    describe(imported.set);
    imported.notes = notes_;
    return imported;
  }

 private:
  std::int64_t items() const { return kspace_.size(0); }
  std::string id_of(std::int64_t i) const { return source_.ids[static_cast<std::size_t>(i)]; }
  bool from_file() const { return plan_.options.coil_maps == CoilMapSource::file; }

  void refuse_what_is_for_grids() const {
    const char* refused = plan_.undersample                                   ? "undersampling"
                          : plan_.options.coil_maps == CoilMapSource::later   ? "coil_maps: later"
                          : plan_.options.noise == NoiseReference::background ? "noise: background"
                                                                              : nullptr;
    if (refused == nullptr) return;
    throw usage_error("recon import", "`{}` is for Cartesian data, those of {} are not; leave it out", refused, place_);
  }

  /// [n, 2] in steps of the encoded grid.
  at::Tensor positions(std::int64_t i) const { return source_.positions[i]; }

  at::Tensor outermost(std::int64_t i) const {
    const at::Tensor radius = positions(i).square().sum(1).sqrt();
    const at::Tensor far = (radius >= kOutermost * radius.max()).nonzero().squeeze(1);
    return kspace_[i].index_select(1, far);
  }

  void whiten() {
    using enum NoiseReference;
    noise_of_ = plan_.options.noise.value_or(source_.noise.defined() ? scan : corners);
    if (noise_of_ == none) return;
    if (noise_of_ == scan && !source_.noise.defined()) {
      throw data_error(place_, "there is no noise scan in the file; set noise to corners or none");
    }
    std::vector<at::Tensor> samples;
    for (std::int64_t i = 0; i < items() && noise_of_ == corners; ++i) samples.push_back(outermost(i));
    if (noise_of_ == corners) {
      notes_.emplace_back(
          "there is no noise scan: the noise is taken from the outermost samples (errs to the high side)");
    }
    const at::Tensor covariance = noise_covariance(noise_of_ == scan ? source_.noise : at::cat(samples, 1), place_);
    noise_std_ = std::sqrt(at::real(covariance.diagonal()).mean().item<double>());
    const at::Tensor matrix = whitening_matrix(covariance) * noise_std_;  // numbers keep their size
    mix(matrix, at::linalg_inv(matrix));
  }

  void mix(const at::Tensor& matrix, const at::Tensor& back) {
    std::vector<at::Tensor> mixed;
    for (std::int64_t i = 0; i < items(); ++i) mixed.push_back(mixed_channels(matrix, kspace_[i]));
    kspace_ = at::stack(mixed);
    for (auto& [anatomy, centre] : centres_) centre = mixed_channels(matrix, centre);
    file_coils_ = file_coils_.defined() ? at::matmul(file_coils_, back) : back;
  }

  /// Of the items of each anatomy together: they differ in time only.
  void find_centres() {
    const std::int64_t smallest = from_file() ? 4 : estimation_.smallest_centre();
    std::map<std::int64_t, std::vector<std::int64_t>> members;
    for (std::int64_t i = 0; i < items(); ++i) members[source_.anatomy[static_cast<std::size_t>(i)]].push_back(i);
    for (const auto& [anatomy, indices] : members) {
      std::vector<at::Tensor> samples, places;
      for (const std::int64_t i : indices) {
        samples.push_back(kspace_[i]);
        places.push_back(positions(i));
        if (covered_centre(at::cat(places), plan_.estimation.calibration) >= plan_.estimation.calibration) break;
      }
      const at::Tensor all = at::cat(places);
      const std::int64_t lines = covered_centre(all, plan_.estimation.calibration);
      if (lines < smallest) {
        throw data_error(
            place_ + " " + id_of(indices.front()),
            "expected samples without gaps in the middle {0} x {0} of k-space to calibrate from, found {1} "
            "x {1}; give coil maps instead",
            smallest, lines);
      }
      centres_[anatomy] = centre_from_samples(at::cat(samples, 1), all, lines);
    }
  }

  void compress() {
    const std::int64_t wanted = plan_.options.coils, before = kspace_.size(1);
    if (wanted == 0 || wanted >= before) return;
    std::vector<at::Tensor> centres;
    for (const auto& [anatomy, centre] : centres_) centres.push_back(centre.flatten(1));
    const at::Tensor samples = at::cat(centres, 1), matrix = compression_matrix(samples, wanted);
    const double kept = mixed_channels(matrix, samples).abs().square().sum().item<double>() /
                        samples.abs().square().sum().item<double>();
    notes_.push_back(
        fmt::format("{} coils compressed to {}: {:.2f} % of the calibration energy kept", before, wanted, 100 * kept));
    mix(matrix, matrix.conj().t().resolve_conj().contiguous());
  }

  /// In the middle of k-space [coils, H, W] of the encoded matrix.
  at::Tensor padded(const at::Tensor& centre) const {
    const std::int64_t rows = source_.matrix[0], columns = source_.matrix[1], lines = centre.size(1);
    at::Tensor kspace = at::zeros({centre.size(0), rows, columns}, centre.options());
    kspace.narrow(1, rows / 2 - lines / 2, lines).narrow(2, columns / 2 - lines / 2, lines).copy_(centre);
    return kspace;
  }

  void scale() {
    std::vector<at::Tensor> images;
    for (const auto& [anatomy, centre] : centres_) {
      const at::Tensor image = ifft2_centred(padded(centre));
      const at::Tensor in_file_coils = file_coils_.defined() ? mixed_channels(file_coils_, image) : image;
      images.push_back(root_sum_of_squares(in_file_coils).flatten());
    }
    const double white = white_level(at::cat(images), place_);
    kspace_ = kspace_ / white;
    noise_std_ /= white;
  }

  /// Pixels stay as large as they are, so that a field of view of fewer pixels is a cut. Numbers are those of a unitary
  /// transform of the image at hand: fewer pixels, larger samples.
  void choose_field_of_view() {
    const auto side = [&](std::int64_t kept, std::size_t axis) {
      const std::int64_t encoded = source_.matrix[axis];
      return plan_.options.keep_oversampling || kept < 1 || kept > encoded ? encoded : kept;
    };
    size_ = {side(source_.readout, 0), side(source_.phase, 1)};
    const double share =
        static_cast<double>(size_[0] * size_[1]) / static_cast<double>(source_.matrix[0] * source_.matrix[1]);
    if (share == 1) return;
    kspace_ = kspace_ / std::sqrt(share);
    noise_std_ /= std::sqrt(share);
    notes_.push_back(fmt::format("the field of view is that of the recon space, {} of {} x {} pixels",
                                 fmt::format("{} x {}", size_[0], size_[1]), source_.matrix[0], source_.matrix[1]));
  }

  at::Tensor cut(const at::Tensor& maps) const {
    at::Tensor kept = maps;
    for (std::int64_t axis = 0; axis < 2; ++axis) {
      const std::int64_t all = kept.size(axis + 1), some = size_[static_cast<std::size_t>(axis)];
      if (all != some) kept = kept.narrow(axis + 1, all / 2 - some / 2, some);
    }
    return kept.contiguous();
  }

  void find_maps() {
    if (from_file()) return read_maps();
    for (const auto& [anatomy, centre] : centres_) {
      at::Tensor maps = estimation_.maps(padded(centre), place_);
      if (file_coils_.defined()) maps = in_units_of_file_coils(file_coils_, maps);
      maps_[anatomy] = cut(maps);
    }
  }

  void read_maps() {
    const std::string& path = plan_.options.maps_file;
    const at::Tensor maps = bart_slices(read_bart(path), path);
    const Shape grid{kspace_.size(1), size_[0], size_[1]},
        encoded{kspace_.size(1), source_.matrix[0], source_.matrix[1]};
    const Shape found = shape_of(maps[0]);
    const bool one = maps.size(0) == 1;
    if ((found != grid && found != encoded) || (!one && maps.size(0) != std::ssize(centres_))) {
      throw data_error(path, "expected maps {} [coils, height, width] of one slice or of each of {}, found {}",
                       to_string(grid), centres_.size(), to_string(shape_of(maps)));
    }
    for (const auto& [anatomy, centre] : centres_) maps_[anatomy] = cut(maps[one ? 0 : anatomy]);
  }

  void describe(MeasurementSet& set) const {
    set.y = kspace_.contiguous();
    set.ids = source_.ids;
    set.header.image = {{1, size_[0], size_[1]}, ScalarKind::complex};
    set.header.range = {0, 1};
    set.header.operator_config =
        "type: nufft\npattern: array\npositions: {dataset: positions}\ncoil_maps: {dataset: coil_maps}\n"
        "toeplitz: true\n";
    const at::Tensor share = at::tensor({static_cast<double>(size_[0]) / static_cast<double>(source_.matrix[0]),
                                         static_cast<double>(size_[1]) / static_cast<double>(source_.matrix[1])},
                                        at::kDouble);
    add(set, "positions", source_.positions * share);
    std::vector<at::Tensor> maps;
    for (std::int64_t i = 0; i < items(); ++i) maps.push_back(maps_.at(source_.anatomy[static_cast<std::size_t>(i)]));
    add(set, "coil_maps", at::stack(maps).to(at::kComplexFloat));
    set.header.noise = {
        .type = noise_of_ == NoiseReference::none ? NoiseType::none : NoiseType::gaussian, .std = {}, .peak = 0};
    if (noise_of_ != NoiseReference::none) set.header.noise.std = {noise_std_};
    set.header.provenance = fmt::format("recon {} import of {} ({}); noise: {}; {}", program_version, place_,
                                        source_.format, to_string(noise_of_), source_.description);
    for (const std::string& note : notes_) set.header.provenance += "; " + note;
  }

  /// Once for all items where they have the same.
  static void add(MeasurementSet& set, const std::string& name, const at::Tensor& values) {
    if (values.equal(values.narrow(0, 0, 1).expand_as(values))) {
      set.header.operator_arrays[name] = values[0].contiguous();
    } else {
      set.per_item_arrays[name] = values.contiguous();
    }
  }

  const KspaceSet& source_;
  const ImportPlan& plan_;
  std::string place_;
  CoilEstimation estimation_;
  at::Tensor kspace_;                           ///< [N, coils, samples]
  at::Tensor file_coils_;                       ///< [coils of the file, coils]; undefined: the same
  std::map<std::int64_t, at::Tensor> centres_;  ///< of each anatomy: [coils, lines, lines]
  std::map<std::int64_t, at::Tensor> maps_;     ///< of each anatomy: [coils, H, W]
  Shape size_;                                  ///< of the image
  double noise_std_ = 1;
  NoiseReference noise_of_ = NoiseReference::none;
  std::vector<std::string> notes_;
};

}  // namespace

ImportedKspace import_trajectories(const KspaceSet& source, const ImportPlan& plan, const std::string& place) {
  return TrajectoryImport(source, plan, place).run();
}

}  // namespace recon
