#include "recon/pipeline/import/raw_import.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "data/atomic_file.h"
#include "data/bart_file.h"
#include "operators/fourier/fft.h"
#include "operators/mri/channels.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/core/log.h"

namespace recon {
namespace {

at::Tensor sampled_mask(const at::Tensor& kspace) { return (kspace != 0).any(1); }  // [N, H, W]

/// The samples [coils, n] of all slices' calibration centres.
at::Tensor calibration_samples(const at::Tensor& kspace, const ImportPlan& plan, const std::string& place) {
  std::vector<at::Tensor> centres;
  for (std::int64_t i = 0; i < kspace.size(0); ++i) {
    centres.push_back(calibration_centre(kspace[i], 1, plan.estimation.calibration, place).flatten(1));
  }
  return at::cat(centres, 1);
}

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
      : source_(source), plan_(plan), place_(place), kspace_(source.kspace), mask_(sampled_mask(source.kspace)) {}

  MeasurementSet run() {
    crop_readout();
    whiten();
    compress();
    scale();
    find_maps();
    MeasurementSet set;
    set.ground_truth = truth();
    undersample();
    describe(set);
    return set;
  }

 private:
  std::string location_of(std::int64_t i) const { return place_ + " " + source_.ids[static_cast<std::size_t>(i)]; }

  void crop_readout() {
    const std::int64_t rows = source_.readout;
    if (plan_.options.keep_oversampling || rows <= 0 || rows >= kspace_.size(2)) return;
    const at::Tensor columns = mask_.any(1, /*keepdim=*/true);
    if (!at::equal(columns.expand_as(mask_).logical_and(mask_), columns.expand_as(mask_))) {
      log::warn("{}: readouts are incomplete (partial echo), so their oversampling is kept", place_);
      return;
    }
    kspace_ = readout_cropped(kspace_, rows) * columns.unsqueeze(1);
    mask_ = columns.expand({-1, rows, -1}).contiguous();
  }

  void whiten() {
    std::string kind = plan_.options.noise;
    if (kind == "auto") kind = source_.noise.defined() ? "scan" : "corners";
    if (kind == "none") return;
    if (kind == "scan" && !source_.noise.defined()) {
      throw data_error(place_, "there is no noise scan in the file; set noise to corners or none");
    }
    at::Tensor samples = source_.noise;
    if (kind == "corners") {
      std::vector<at::Tensor> slices;
      for (std::int64_t i = 0; i < kspace_.size(0); ++i) slices.push_back(corner_samples(kspace_[i], location_of(i)));
      samples = at::cat(slices, 1);
    }
    kspace_ = mixed_slices(whitening_matrix(noise_covariance(samples, place_)), kspace_);
    noise_std_ = 1;
    noise_kind_ = kind;
  }

  void compress() {
    const std::int64_t wanted = plan_.options.coils, before = kspace_.size(1);
    if (wanted == 0 || wanted >= before) return;
    const at::Tensor samples = calibration_samples(kspace_, plan_, place_);
    const at::Tensor matrix = compression_matrix(samples, wanted);
    const double kept = mixed_channels(matrix, samples).abs().square().sum().item<double>() /
                        samples.abs().square().sum().item<double>();
    log::info("{} coils compressed to {}: {:.2f} % of the calibration energy kept", before, wanted, 100 * kept);
    kspace_ = mixed_slices(matrix, kspace_);
  }

  void scale() {
    std::vector<at::Tensor> images;
    for (std::int64_t i = 0; i < kspace_.size(0); ++i) {
      const at::Tensor centre = calibration_centre(kspace_[i], 1, plan_.estimation.calibration, location_of(i));
      const at::Tensor padded = at::zeros_like(kspace_[i]);
      padded.narrow(1, kspace_.size(2) / 2 - centre.size(1) / 2, centre.size(1))
          .narrow(2, kspace_.size(3) / 2 - centre.size(2) / 2, centre.size(2))
          .copy_(centre);
      images.push_back(root_sum_of_squares(ifft2_centred(padded)).flatten());
    }
    const at::Tensor sorted = std::get<0>(at::cat(images).sort());
    constexpr double quantile = 0.999;
    const auto position = static_cast<std::int64_t>(quantile * static_cast<double>(sorted.size(0) - 1));
    const double white = sorted[position].item<double>();
    if (!(white > 0)) throw data_error(place_, "the centre of k-space is zero: there is no image in these data");
    kspace_ = kspace_ / white;
    noise_std_ /= white;
  }

  void find_maps() {
    if (plan_.options.coil_maps == "later") return;
    if (plan_.options.coil_maps == "file") {
      read_maps();
      return;
    }
    CoilEstimation estimation = plan_.estimation;
    estimation.method = from_word<CoilMethod>(plan_.options.coil_maps, "coil_maps");
    std::vector<at::Tensor> maps;
    for (std::int64_t i = 0; i < kspace_.size(0); ++i) maps.push_back(estimation.maps(kspace_[i], location_of(i)));
    maps_ = at::stack(maps);
  }

  /// BART maps [H, W, 1, coils, 1, ..., slices], for coils as they are in the file; those of one slice serve all items.
  void read_maps() {
    const std::string& path = plan_.options.maps_file;
    const at::Tensor stored = read_bart(path);
    const at::Tensor slices =
        stored.select(15, 0).select(14, 0).permute({13, 3, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12});
    at::Tensor maps = slices.flatten(4).select(4, 0);
    if (maps.size(0) == 1) maps = maps.expand({kspace_.size(0), -1, -1, -1});
    if (slices.flatten(4).size(4) != 1 || maps.sizes() != kspace_.sizes()) {
      throw data_error(path, "expected maps {} [slices, coils, height, width], found {}",
                       to_string(Shape(kspace_.sizes().begin(), kspace_.sizes().end())),
                       to_string(Shape(maps.sizes().begin(), maps.sizes().end())));
    }
    maps_ = maps.contiguous();
  }

  at::Tensor truth() const {
    if (!maps_.defined() || !mask_.all().item<bool>()) return {};
    const at::Tensor energy = maps_.abs().square().sum(1, /*keepdim=*/true);
    return (maps_.conj() * ifft2_centred(kspace_)).sum(1, true) / energy.clamp_min(1e-6);
  }

  void undersample() {
    if (!plan_.undersample) return;
    const TensorSpec grid{{1, kspace_.size(2), kspace_.size(3)}, ScalarKind::complex};
    const at::Tensor pattern = plan_.undersampling.on(grid, "undersampling")[0] != 0;
    if (!mask_.logical_and(pattern).equal(pattern.expand_as(mask_))) {
      throw data_error(place_, "the data are undersampled already; leave out `undersampling`");
    }
    mask_ = pattern.expand_as(mask_).contiguous();
    kspace_ = kspace_ * mask_.unsqueeze(1);
  }

  void describe(MeasurementSet& set) const {
    set.y = kspace_.contiguous();
    set.ids = source_.ids;
    set.header.image = {{1, kspace_.size(2), kspace_.size(3)}, ScalarKind::complex};
    set.header.range = {0, 1};
    const std::string maps =
        plan_.options.coil_maps == "later" ? to_string(plan_.estimation.method) : "{dataset: coil_maps}";
    set.header.operator_config = "type: sense\ncoil_maps: " + maps + "\npattern: array\nmask: {dataset: mask}\n";
    if (maps_.defined()) set.per_item_arrays["coil_maps"] = maps_;
    const at::Tensor mask = mask_.to(at::kByte);
    if (mask.equal(mask.narrow(0, 0, 1).expand_as(mask))) {
      set.header.operator_arrays["mask"] = mask[0].contiguous();
    } else {
      set.per_item_arrays["mask"] = mask;
    }
    set.header.noise = {.type = noise_kind_ == "none" ? NoiseType::none : NoiseType::gaussian, .std = {}, .peak = 0};
    if (noise_kind_ != "none") set.header.noise.std = {noise_std_};
    set.header.provenance = fmt::format("recon {} import of {} ({}); noise: {}; {}", program_version, place_,
                                        source_.format, noise_kind_, source_.description);
  }

  const KspaceSet& source_;
  const ImportPlan& plan_;
  std::string place_;
  at::Tensor kspace_, mask_, maps_;  ///< [N, coils, H, W], bool [N, H, W], as kspace_
  double noise_std_ = 1;
  std::string noise_kind_ = "none";
};

}  // namespace

void ImportOptions::visit(ParameterVisitor& v) {
  v.choice(
      "noise", noise, {"auto", "scan", "corners", "none"},
      "what the coils are whitened by: a noise scan, the corners of k-space (err to the high side), nothing; auto: "
      "the scan where there is one");
  v.field("coils", coils, "virtual coils to compress to; 0: keep all", {.min = 0});
  v.field("keep_oversampling", keep_oversampling, "keep the readout's oversampling");
  v.choice("coil_maps", coil_maps, {"espirit", "walsh", "sum_of_squares", "later", "file"},
           "how maps are found; later: by estimation.method when the file is reconstructed; file: read maps_file");
  v.field("maps_file", maps_file,
          "BART array of maps [H, W, 1, coils], for the file's own coils; of one slice for all, or of each (axis 13)");
}

void ImportPlan::visit(ParameterVisitor& v) {
  options.visit(v);
  for (const auto& section : v.sections("estimation", "how coil maps are estimated")) estimation.visit(*section);
  for (const auto& section : v.sections("undersampling", "keep only some samples of fully sampled data")) {
    undersample = true;
    undersampling.visit(*section);
  }
}

ImportPlan read_import_plan(const Config& config) {
  ImportPlan plan;
  YamlOptions options(config.root(), "");
  plan.visit(options);
  options.finish();
  const bool own_coils = plan.options.noise == "none" && plan.options.coils == 0;
  if ((plan.options.coil_maps == "file") == plan.options.maps_file.empty() ||
      (plan.options.coil_maps == "file" && !own_coils)) {
    throw usage_error(options.location_of("coil_maps"),
                      "`coil_maps: file` and `maps_file` go together, with `noise: none` and no compression: the maps "
                      "are those of the file's own coils");
  }
  plan.resolved = options.resolved();
  return plan;
}

MeasurementSet import_kspace(const KspaceSet& source, const ImportPlan& plan, const std::string& place) {
  return Import(source, plan, place).run();
}

ImportResult import_file(const std::string& source, const std::string& output, const ImportPlan& plan) {
  std::error_code absent;
  if (std::filesystem::equivalent(source, output, absent)) {
    throw usage_error(output, "the output is the source itself; choose another name");
  }
  { const AtomicFile writable(output); }  // before any work
  ImportResult result{.source = read_kspace(source), .set = {}};
  result.set = import_kspace(result.source, plan, source);
  write_measurement_file(output, result.set);
  return result;
}

nlohmann::ordered_json describe_kspace(const KspaceSet& set) {
  const at::Tensor mask = sampled_mask(set.kspace);
  return {{"kind", "raw k-space"},
          {"format", set.format},
          {"items", set.ids},
          {"coils", set.kspace.size(1)},
          {"matrix", {set.kspace.size(2), set.kspace.size(3)}},
          {"readout_without_oversampling", set.readout > 0 ? set.readout : set.kspace.size(2)},
          {"sampled", mask.to(at::kDouble).mean().item<double>()},
          {"noise_samples", set.noise.defined() ? set.noise.size(1) : 0},
          {"description", set.description}};
}

}  // namespace recon
