#include "recon/pipeline/import/raw_import.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "data/atomic_file.h"
#include "data/bart_file.h"
#include "data/kspace_file.h"
#include "operators/fourier/fft.h"
#include "operators/mri/channels.h"
#include "recon/config/version.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/import/calibration_sources.h"
#include "recon/pipeline/import/field_of_view.h"
#include "recon/pipeline/import/kspace_description.h"
#include "recon/pipeline/import/map_error.h"
#include "recon/pipeline/import/trajectory_import.h"
#include "recon/pipeline/import/white_level.h"

namespace recon {
namespace {

/// matrix applied to the coils of every slice.
at::Tensor mixed_slices(const at::Tensor& matrix, const at::Tensor& kspace) {
  std::vector<at::Tensor> slices;
  for (std::int64_t i = 0; i < kspace.size(0); ++i) slices.push_back(mixed_channels(matrix, kspace[i]));
  return at::stack(slices);
}

/// The raw data on their way to a measurement.
class Import {
 public:
  Import(const KspaceSet& source, const ImportPlan& plan, const std::string& place)
      : source_(source), plan_(plan), place_(place) {
    data_.kspace = source.kspace;
    data_.mask = sampled_positions_of(source.kspace);
    notes_ = source.notes;
  }

  ImportedKspace run() {
    count_averages();
    find_sources();
    whiten();
    compress();
    scale();
    find_maps();
    crop();
    read_maps();
    judge_maps();
    ImportedKspace imported;
    imported.set.ground_truth = truth();
    undersample();
    describe(imported.set);
    imported.notes = notes_;
    return imported;
  }

 private:
  std::int64_t items() const { return data_.kspace.size(0); }
  std::string location_of(std::int64_t i) const { return place_ + " " + source_.ids[static_cast<std::size_t>(i)]; }
  bool maps_later() const { return plan_.options.coil_maps == CoilMapSource::later; }
  bool maps_from_file() const { return plan_.options.coil_maps == CoilMapSource::file; }

  void count_averages() {
    most_ = at::ones({items()});
    if (!source_.averages.defined()) return;
    const at::Tensor counts = source_.averages * data_.mask;
    most_ = counts.amax({1, 2}).clamp_min(1e-6);
    const at::Tensor weights = (counts / most_.view({-1, 1, 1})).sqrt();
    constexpr double rounding = 1e-4;
    const bool equal = ((weights - 1).abs() < rounding).logical_or(weights == 0).all().item<bool>();
    if (!equal) {
      data_.weights = weights;
      notes_.emplace_back(
          "lines are means of differently many measurements: each is weighted by the root of its number");
    }
  }

  CoilEstimation estimation() const {
    CoilEstimation estimation = plan_.estimation;
    if (!maps_later() && !maps_from_file()) {
      estimation.method = from_word<CoilMethod>(to_string(plan_.options.coil_maps), "coil_maps");
    }
    return estimation;
  }

  void find_sources() {
    const std::int64_t smallest = maps_from_file() ? 1 : estimation().smallest_centre();
    sources_ = find_calibration(source_, smallest, maps_later());
    notes_.insert(notes_.end(), sources_.notes.begin(), sources_.notes.end());
    for (std::int64_t i = 0; i < items(); ++i) {
      if (maps_from_file() || has_source(i)) {
        kept_.push_back(i);
      } else {
        notes_.push_back(fmt::format("{} is left out: {}", source_.ids[static_cast<std::size_t>(i)],
                                     "there is no fully sampled centre to calibrate from"));
        log::warn("{}: left out, there is no fully sampled centre to calibrate from", location_of(i));
      }
    }
    // With the sizes that were found.
    if (kept_.empty()) calibration_centre(source_.kspace[0], smallest, plan_.estimation.calibration, location_of(0));
  }

  bool has_source(std::int64_t i) const {
    return sources_.of_item[static_cast<std::size_t>(i)] != CalibrationSources::none;
  }

  at::Tensor source_of(std::int64_t i) const {
    const std::int64_t index = sources_.of_item[static_cast<std::size_t>(i)];
    return index >= 0 ? sources_.shared[static_cast<std::size_t>(index)] : data_.kspace[i];
  }

  /// All k-spaces in other coils; `back` takes the new ones back.
  void mix(const at::Tensor& matrix, const at::Tensor& back) {
    data_.kspace = mixed_slices(matrix, data_.kspace);
    for (at::Tensor& kspace : sources_.shared) kspace = mixed_channels(matrix, kspace);
    file_coils_ = file_coils_.defined() ? at::matmul(file_coils_, back) : back;
  }

  /// Noise samples [coils, n] of the data of one measurement each.
  at::Tensor noise_in_data(NoiseReference source) const {
    std::vector<at::Tensor> slices;
    for (std::int64_t i = 0; i < items(); ++i) {
      const at::Tensor even = data_.weights.defined() ? data_.kspace[i] * data_.weights[i] : data_.kspace[i];
      const at::Tensor samples = source == NoiseReference::corners ? corner_samples(even, location_of(i))
                                                                   : background_samples(even, location_of(i));
      slices.push_back(samples * std::sqrt(most_[i].item<double>()));
    }
    return at::cat(slices, 1);
  }

  void whiten() {
    using enum NoiseReference;
    const NoiseReference source = plan_.options.noise.value_or(source_.noise.defined() ? scan : background);
    if (source == none) return;
    if (source == scan && !source_.noise.defined()) {
      throw data_error(place_, "there is no noise scan in the file; set noise to background, corners or none");
    }
    const at::Tensor covariance = noise_covariance(source == scan ? source_.noise : noise_in_data(source), place_);
    noise_std_ = std::sqrt(at::real(covariance.diagonal()).mean().item<double>());
    noise_of_ = source;
    if (source != scan && maps_outweigh_noise()) {
      notes_.emplace_back("the noise is below what coil maps explain: coils are not whitened");
    } else {
      const at::Tensor matrix = whitening_matrix(covariance) * noise_std_;  // numbers keep their size
      mix(matrix, at::linalg_inv(matrix));
    }
  }

  /// Of the samples of an item that are means of most measurements.
  double noise_of_mean(std::int64_t i) const { return noise_std_ / std::sqrt(most_[i].item<double>()); }

  /// Of the first item: what was taken for noise may be the image, then.
  bool maps_outweigh_noise() const {
    const std::int64_t i = kept_.front();
    if (maps_later() || maps_from_file() || !has_source(i)) return false;
    return error_of_maps(i, estimation().maps(source_of(i), location_of(i))) > noise_of_mean(i);
  }

  void compress() {
    const std::int64_t wanted = plan_.options.coils, before = data_.kspace.size(1);
    if (wanted == 0 || wanted >= before) return;
    std::vector<at::Tensor> centres;
    for (std::int64_t i = 0; i < items(); ++i) {
      if (has_source(i)) {
        centres.push_back(calibration_centre(source_of(i), 1, plan_.estimation.calibration, location_of(i)).flatten(1));
      }
    }
    const at::Tensor samples = at::cat(centres, 1);
    const at::Tensor matrix = compression_matrix(samples, wanted);
    const double kept = mixed_channels(matrix, samples).abs().square().sum().item<double>() /
                        samples.abs().square().sum().item<double>();
    notes_.push_back(
        fmt::format("{} coils compressed to {}: {:.2f} % of the calibration energy kept", before, wanted, 100 * kept));
    mix(matrix, matrix.conj().t().resolve_conj().contiguous());
  }

  /// What the lines of another scan are multiplied with to be as bright as the item's own at the same positions.
  double brightness_of_own(std::int64_t i, const at::Tensor& source) const {
    const std::int64_t index = sources_.of_item[static_cast<std::size_t>(i)];
    if (index < 0 || !sources_.of_other_scan[static_cast<std::size_t>(index)]) return 1;
    const at::Tensor both = data_.mask[i].logical_and((source != 0).any(0));
    const double own = (data_.kspace[i] * both).abs().square().sum().item<double>();
    const double other = (source * both).abs().square().sum().item<double>();
    return own > 0 && other > 0 ? std::sqrt(own / other) : 1;
  }

  void scale() {
    std::vector<at::Tensor> images;
    for (const std::int64_t i : kept_) {
      if (!has_source(i)) continue;
      const at::Tensor source = source_of(i);
      const at::Tensor centre = calibration_centre(source, 1, plan_.estimation.calibration, location_of(i));
      const at::Tensor padded = at::zeros_like(source);
      padded.narrow(1, source.size(1) / 2 - centre.size(1) / 2, centre.size(1))
          .narrow(2, source.size(2) / 2 - centre.size(2) / 2, centre.size(2))
          .copy_(centre);
      const at::Tensor image = ifft2_centred(padded);
      const at::Tensor in_file_coils = file_coils_.defined() ? mixed_channels(file_coils_, image) : image;
      images.push_back((root_sum_of_squares(in_file_coils) * brightness_of_own(i, source)).flatten());
    }
    if (images.empty()) throw data_error(place_, "no item has a sampled zero frequency: there is nothing to scale by");
    const double white = white_level(at::cat(images), place_);
    data_.kspace = data_.kspace / white;
    for (at::Tensor& kspace : sources_.shared) kspace = kspace / white;
    noise_std_ /= white;
  }

  void find_maps() {
    if (maps_later() || maps_from_file()) return;
    std::map<std::int64_t, at::Tensor> shared;
    std::vector<at::Tensor> maps;
    for (std::int64_t i = 0; i < items(); ++i) {
      const std::int64_t index = sources_.of_item[static_cast<std::size_t>(i)];
      if (!has_source(i)) {
        maps.push_back(at::zeros_like(data_.kspace[i]));  // left out
      } else if (shared.contains(index)) {
        maps.push_back(shared.at(index));
      } else {
        at::Tensor found = estimation().maps(source_of(i), location_of(i));
        if (file_coils_.defined()) found = in_units_of_file_coils(file_coils_, found);
        if (index >= 0) shared[index] = found;
        maps.push_back(found);
      }
    }
    data_.maps = at::stack(maps);
  }

  void crop() {
    const bool oversampled = (source_.readout > 0 && source_.readout < data_.kspace.size(2)) ||
                             (source_.phase > 0 && source_.phase < data_.kspace.size(3));
    if (plan_.options.keep_oversampling || !oversampled) return;
    if (maps_later()) {
      notes_.emplace_back(
          "oversampling is kept: coil maps are estimated before it is cut, and `later` leaves that open");
      return;
    }
    crop_field_of_view(data_, -2, source_.readout, notes_);
    crop_field_of_view(data_, -1, source_.phase, notes_);
  }

  /// Maps of BART, for coils as they are in the file; those of one slice serve all items. Of the whole or the cut grid.
  void read_maps() {
    if (!maps_from_file()) return;
    const std::string& path = plan_.options.maps_file;
    at::Tensor maps = bart_slices(read_bart(path), path);
    const at::Tensor& kspace = data_.kspace;
    if (maps.size(0) == 1) maps = maps.expand({items(), -1, -1, -1});
    if (maps.sizes() == source_.kspace.sizes()) {
      for (const std::int64_t axis : {2, 3}) {
        maps = maps.narrow(axis, maps.size(axis) / 2 - kspace.size(axis) / 2, kspace.size(axis));
      }
    }
    if (maps.sizes() != kspace.sizes()) {
      throw data_error(path, "expected maps {} [slices, coils, height, width], found {}", to_string(shape_of(kspace)),
                       to_string(shape_of(maps)));
    }
    data_.maps = maps.contiguous();
  }

  /// Maps whose error is larger than the noise (phantoms, simulations): it is what data and images differ by, else no
  /// image would explain the data. A smaller one is left to the image, which fits most of it.
  void judge_maps() {
    map_errors_.assign(static_cast<std::size_t>(items()), 0);
    if (noise_of_ == NoiseReference::none || !data_.maps.defined()) return;
    for (const std::int64_t i : kept_) {
      const double error = error_of_maps(i, data_.maps[i]);
      if (!(error > noise_of_mean(i))) continue;
      map_errors_[static_cast<std::size_t>(i)] = error;
      notes_.push_back(fmt::format("{}: coil maps explain the data to {:.2g} only, which is the noise level",
                                   source_.ids[static_cast<std::size_t>(i)], std::hypot(noise_of_mean(i), error)));
    }
  }

  double error_of_maps(std::int64_t i, const at::Tensor& of_grid) const {
    const double noise = noise_of_mean(i);
    const at::Tensor& kspace = data_.kspace[i];
    if (data_.mask[i].all().item<bool>()) return map_error(kspace, of_grid, noise);
    if (maps_from_file() || !has_source(i)) return 0;
    // Of the calibration centre by maps of its own size; farther out the error falls as the data do.
    const std::int64_t edge = estimation().kernel;
    const at::Tensor centre = find_calibration_centre(kspace, 3 * edge, plan_.estimation.calibration);
    if (!centre.defined()) return 0;
    at::Tensor maps = estimation().maps(centre, location_of(i));
    if (file_coils_.defined()) maps = in_units_of_file_coils(file_coils_, maps);
    const double level = sample_level(centre, edge);
    return level > 0 ? map_error(centre, maps, noise, edge) * sample_level(kspace) / level : 0;
  }

  at::Tensor truth() const {
    if (!data_.maps.defined() || !data_.mask.all().item<bool>()) return {};
    const at::Tensor energy = data_.maps.abs().square().sum(1, /*keepdim=*/true);
    const at::Tensor combined = (data_.maps.conj() * ifft2_centred(data_.kspace)).sum(1, true);
    return at::where(energy > 0, combined / energy, at::zeros({}, combined.options()));
  }

  void undersample() {
    if (!plan_.undersample) return;
    const TensorSpec grid{{1, data_.kspace.size(2), data_.kspace.size(3)}, ScalarKind::complex};
    const at::Tensor pattern = plan_.undersampling.on(grid, "undersampling")[0] != 0;
    if (!data_.mask.logical_and(pattern).equal(pattern.expand_as(data_.mask))) {
      throw data_error(place_, "the data are undersampled already; leave out `undersampling`");
    }
    data_.mask = pattern.expand_as(data_.mask).contiguous();
    data_.kspace = data_.kspace * data_.mask.unsqueeze(1);
    if (data_.weights.defined()) data_.weights = data_.weights * data_.mask;
  }

  at::Tensor of_kept(const at::Tensor& values) const {
    return values.defined() ? values.index_select(0, at::tensor(kept_)).contiguous() : values;
  }

  void describe(MeasurementSet& set) const {
    const at::Tensor y = data_.weights.defined() ? data_.kspace * data_.weights.unsqueeze(1) : data_.kspace;
    set.y = of_kept(y);
    set.ground_truth = of_kept(set.ground_truth);
    set.header.truth_from_data = set.ground_truth.defined();
    for (const std::int64_t i : kept_) set.ids.push_back(source_.ids[static_cast<std::size_t>(i)]);
    set.header.image = {{1, y.size(2), y.size(3)}, ScalarKind::complex};
    set.header.range = {0, 1};
    describe_operator(set);
    set.header.noise = {
        .type = noise_of_ == NoiseReference::none ? NoiseType::none : NoiseType::gaussian, .std = {}, .peak = 0};
    if (noise_of_ != NoiseReference::none) set.header.noise.std = noise_levels();
    set.header.provenance = fmt::format("recon {} import of {} ({}); noise: {}; {}", program_version, place_,
                                        source_.format, to_string(noise_of_), source_.description);
    for (const std::string& note : notes_) set.header.provenance += "; " + note;
  }

  void describe_operator(MeasurementSet& set) const {
    const std::string maps = maps_later() ? to_string(plan_.estimation.method) : "{dataset: coil_maps}";
    set.header.operator_config = "type: sense\ncoil_maps: " + maps + "\npattern: array\nmask: {dataset: mask}\n";
    if (data_.maps.defined()) set.per_item_arrays["coil_maps"] = of_kept(data_.maps);
    if (maps_later() && file_coils_.defined()) {
      set.header.operator_config += "file_coils: {dataset: file_coils}\n";
      set.header.operator_arrays["file_coils"] = file_coils_.to(at::kComplexFloat);
    }
    if (data_.weights.defined()) {
      set.header.operator_config += "sample_weights: {dataset: sample_weights}\n";
      set.per_item_arrays["sample_weights"] = of_kept(data_.weights).to(at::kFloat);
    }
    const at::Tensor mask = of_kept(data_.mask.to(at::kByte));
    if (mask.equal(mask.narrow(0, 0, 1).expand_as(mask))) {
      set.header.operator_arrays["mask"] = mask[0].contiguous();
    } else {
      set.per_item_arrays["mask"] = mask;
    }
  }

  /// Of each item, one where they are equal.
  std::vector<double> noise_levels() const {
    std::vector<double> levels;
    for (const std::int64_t i : kept_)
      levels.push_back(std::hypot(noise_of_mean(i), map_errors_[static_cast<std::size_t>(i)]));
    const bool equal = std::all_of(levels.begin(), levels.end(), [&](double level) { return level == levels[0]; });
    if (equal) levels.resize(1);
    return levels;
  }

  const KspaceSet& source_;
  const ImportPlan& plan_;
  std::string place_;
  GriddedData data_;
  at::Tensor most_;  ///< [N]: the largest number of measurements of a sample of each item
  CalibrationSources sources_;
  std::vector<std::int64_t> kept_;
  at::Tensor file_coils_;           ///< [coils of the file, coils]; undefined: the same
  double noise_std_ = 1;            ///< of one measurement
  std::vector<double> map_errors_;  ///< of each item where they exceed its noise, else 0
  NoiseReference noise_of_ = NoiseReference::none;
  std::vector<std::string> notes_;
};

}  // namespace

ImportedKspace import_kspace(const KspaceSet& source, const ImportPlan& plan, const std::string& place) {
  if (source.positions.defined()) return import_trajectories(source, plan, place);
  return Import(source, plan, place).run();
}

ImportResult import_file(const std::string& source, const std::string& output, const ImportPlan& plan, bool overwrite) {
  std::error_code absent;
  if (std::filesystem::equivalent(source, output, absent)) {
    throw usage_error(output, "the output is the source itself; choose another name");
  }
  require_writable(output, overwrite);
  ImportResult result{.source = read_kspace(source, plan.reading), .imported = {}};
  result.imported = import_kspace(result.source, plan, source);
  write_measurement_file(output, result.imported.set);
  return result;
}

}  // namespace recon
