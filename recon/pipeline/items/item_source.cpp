#include "recon/pipeline/items/item_source.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "operators/mri/image_phase.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/metrics/noise_level.h"
#include "recon/pipeline/items/brightness.h"
#include "recon/pipeline/items/held_out.h"
#include "recon/pipeline/items/item_choice.h"
#include "recon/pipeline/items/noise_section.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/pipeline/items/support.h"

namespace recon {
namespace {

/// The noise that a file states, with the config's std in its place when that is given.
Noise noise_of(const MeasurementHeader& header, const ItemOptions& options) {
  if (header.correlation.defined() && (options.noise_std || options.estimate_noise)) {
    throw usage_error(options.location_of_noise_std,
                      "the noise of these data is correlated and its level follows from its covariance; leave "
                      "`noise_std` and `estimate_noise` out");
  }
  if (!options.noise_std) return header.noise;
  if (header.noise.counts_photons()) {
    throw usage_error(options.location_of_noise_std, "the file's noise is {}: its level follows from its peak",
                      header.noise.type == NoiseType::poisson ? "Poisson" : "Poisson-Gaussian");
  }
  return {
      .type = *options.noise_std > 0 ? NoiseType::gaussian : NoiseType::none, .std = {*options.noise_std}, .peak = 0};
}

/// A mask as a key.
std::string bits_of(const at::Tensor& mask) {
  const at::Tensor bits = mask.to(at::kByte).contiguous();
  return {reinterpret_cast<const char*>(bits.const_data_ptr<std::uint8_t>()), bits.nbytes()};
}

MeasurementItem item_of(const MeasurementSet& set, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  MeasurementItem item{.id = set.ids[i], .y = set.y[index], .ground_truth = {}, .arrays = {}, .noise_std = 0};
  if (set.ground_truth.defined()) item.ground_truth = set.ground_truth[index];
  for (const auto& [name, value] : set.per_item_arrays) item.arrays[name] = value[index];
  if (const at::Tensor& map = set.header.std_map; map.defined()) item.std_map = std_map_of_item(map, index, item.y);
  const auto& std = set.header.noise.std;
  if (!std.empty()) item.noise_std = std.size() == 1 ? std.front() : std.at(i);
  return item;
}

}  // namespace

ItemSource::ItemSource(ItemReader reader, const ItemOptions& options)
    : reader_(std::move(reader)),
      image_(reader_.header.image),
      options_(options),
      noise_(noise_of(reader_.header, options)) {
  if (options_.complex_image == ComplexImage::magnitude) image_.scalar = ScalarKind::real;
}

ItemSource ItemSource::of(const MeasurementSet& set, const std::string& name, const ItemOptions& options) {
  return {{.name = name,
           .header = set.header,
           .ids = set.ids,
           .measurement = spec_of_item(set.y),
           .read = [set](std::int64_t index) { return item_of(set, index); }},
          options};
}

std::vector<std::int64_t> ItemSource::indices(const std::vector<std::string>& wanted) const {
  return chosen_items(ids(), wanted, reader_.name);
}

std::map<std::string, at::Tensor> ItemSource::arrays_of(const MeasurementItem& stored) const {
  std::map<std::string, at::Tensor> arrays = header().operator_arrays;
  for (const auto& [name, value] : stored.arrays) arrays[name] = value;
  return arrays;
}

OperatorPtr ItemSource::operator_for(const MeasurementItem& stored) {
  OperatorPtr op = shared_op_->stated;
  if (op == nullptr) {
    // Coil maps come from what is finite: the mask, which says what is data, is a part of the operator.
    const StoredOperator built =
        build_stored_operator(header().operator_config, arrays_of(stored), image_, reader_.name,
                              [&] { return at::where(at::isfinite(stored.y), stored.y, at::zeros_like(stored.y)); });
    op = built.op;
    if (stored.arrays.empty() && !built.estimated) shared_op_->stated = op;
  }
  if (op->range() != reader_.measurement) {
    throw data_error(reader_.name + ":/measurements", "the operator '{}' gives {}, the file holds {}", op->name(),
                     op->range().to_string(), reader_.measurement.to_string());
  }
  require_mask_agrees(stored.y, op->support(), reader_.name + " item " + stored.id);
  const bool noisy = noise_.type != NoiseType::none || options_.estimate_noise;
  return noisy ? narrowed(op, stored) : op;
}

/// With a mask that leaves out the lines of zeros that the data show, where they show such.
OperatorPtr ItemSource::narrowed(const OperatorPtr& op, const MeasurementItem& stored) {
  const auto found = mask_from_zeros(stored.y, op->support());
  if (!found) return op;
  auto masked = with_mask(header().operator_config, arrays_of(stored), found->mask, reader_.name);
  if (!masked) {
    log::warn("item {}: {}, but {} counts them as measured", stored.id, found->text, op->name());
    return op;
  }
  const auto [known, is_new] = shared_op_->narrowed.try_emplace(bits_of(found->mask));
  if (is_new) log::warn("item {}: {}: taken as not measured (a mask found from the zeros)", stored.id, found->text);
  if (known->second != nullptr) return known->second;
  const StoredOperator built = build_stored_operator(masked->config, masked->arrays, image_, reader_.name,
                                                     [&] { return on_support(stored.y, found->mask); });
  if (stored.arrays.empty() && !built.estimated) known->second = built.op;
  return built.op;
}

/// Without the entries that have no level of noise.
OperatorPtr ItemSource::where_measured(const OperatorPtr& op, const at::Tensor& measured) {
  if (measured.all().item<bool>()) return op;
  if (op != shared_op_->stated) return measuring_only(op, measured);  // this item's own
  OperatorPtr& known = shared_op_->restricted[bits_of(measured)];
  if (known == nullptr) known = measuring_only(op, measured);
  return known;
}

void ItemSource::estimate_noise(PreparedItem& item) const {
  const auto estimate = estimate_noise_level(item.y[0], item.op->support());
  if (!estimate) {
    throw data_error(reader_.name + " item " + item.id,
                     "the noise level cannot be estimated from {} data of {}: they are too few, or do not vary; set "
                     "noise_std",
                     item.op->range().to_string(), item.op->name());
  }
  log::info("item {}: noise level {}", item.id, estimate->to_string());
  item.noise = item_noise({.type = NoiseType::gaussian, .std = {estimate->std}, .peak = 0}, 0, item.y);
}

/// Takes the background from the data, and the noise level from the file, the config or the data.
void ItemSource::read_noise(PreparedItem& item, const MeasurementItem& stored) const {
  Noise level = noise_;
  at::Tensor background;
  if (header().background.defined()) {
    background = header().background.to(item.y.options());
    item.y = on_support(item.y - background, item.op->support());
  }
  if (options_.estimate_noise) return estimate_noise(item);
  if (level.has_std() && !options_.noise_std) level.std = {stored.noise_std};
  const at::Tensor std_map = options_.noise_std ? at::Tensor() : stored.std_map;
  item.noise = item_noise(level, 0, item.y, item.op->support(), background, std_map);
  if (!options_.check_noise_level || header().correlation.defined()) return;
  if (std::string text = noise_level_warning(item.noise, item.y, *item.op); !text.empty()) {
    log::warn("item {}: {}", item.id, text);
  }
  if (level.type == NoiseType::gaussian && item.op->is_linear()) {
    if (std::string text = saturation_warning(item.y[0], item.op->support()); !text.empty()) {
      log::warn("item {}: {}", item.id, text);
    }
  }
  if (std::string text = brightness_warning(item.y, *item.op, item.range); !text.empty()) {
    log::warn("item {}: {}", item.id, text);
  }
}

/// Operator and data whose noise is white, in the place of the stated ones.
void ItemSource::whiten_correlated(PreparedItem& item) {
  const bool shared = item.op == shared_op_->stated;
  std::optional<Prewhitening> own;
  std::optional<Prewhitening>& whitening = shared ? shared_op_->whitened : own;
  if (!whitening) whitening = prewhitening_of(item.op, header().correlation);
  item.op = whitening->op;
  item.shown = item.y;
  item.y = whitening->filter->apply(item.y);
}

void ItemSource::measure_range() {
  if (!options_.range) return;
  ItemSource quiet = unchecked();
  quiet.options_.hold_out = 0;
  reader_.header.range = quiet.prepare(std::ssize(ids()) / 2, c10::kCPU).range;
}

PreparedItem ItemSource::prepare(std::int64_t index, c10::Device device) {
  const MeasurementItem stored = reader_.read(index);
  PreparedItem item;
  item.id = ids()[static_cast<std::size_t>(index)];
  item.op = operator_for(stored);
  if (stored.std_map.defined()) {
    const at::Tensor there = at::isfinite(stored.std_map);
    item.op = where_measured(item.op, there);
    const auto missing = there.numel() - there.sum().item<std::int64_t>();
    if (missing > 0 && options_.check_noise_level)
      log::info("item {}: {} of {} entries are not measured", item.id, missing, there.numel());
  }
  result_image_ = image_;
  if (const auto window = item.op->window()) result_image_.shape = window->shape_in(image_.shape);
  item.range = header().range;
  const at::Tensor measured = on_support(stored.y, item.op->support());
  require_finite(measured, fmt::format("{}:/measurements item {} ('{}')", reader_.name, index, item.id));
  item.y = measured.unsqueeze(0).to(device, stored.y.is_complex() ? at::kComplexFloat : at::kFloat);
  read_noise(item, stored);
  if (header().correlation.defined()) whiten_correlated(item);
  if (options_.complex_image == ComplexImage::phase_from_centre && image_.scalar == ScalarKind::complex) {
    item.op = with_phase(item.op, smooth_phase(item.op, item.y, item.noise.variance));
  }
  if (stored.ground_truth.defined()) item.ground_truth = stored.ground_truth.unsqueeze(0);
  if (options_.complex_image != ComplexImage::phase_from_centre) {
    item.alternatives = [config = header().operator_config, arrays = arrays_of(stored), image = image_,
                         map = stored.std_map, correlation = header().correlation] {
      std::vector<Alternative> others = alternatives_of(config, arrays, image);
      for (auto& other : others) {
        if (correlation.defined()) other.op = prewhitening_of(other.op, correlation).op;
      }
      if (!map.defined()) return others;
      for (auto& other : others) other.op = measuring_only(other.op, at::isfinite(map));
      return others;
    };
  }
  if (options_.range) {
    item.range = measured_range(*options_.range, item.op, item.y, reader_.name + " item " + item.id);
    item.range_measured = true;
    log::info("item {}: white is {:.6g}", item.id, item.range.high);
  }
  if (options_.hold_out > 0) return hold_out(std::move(item), options_.hold_out);
  return item;
}

}  // namespace recon
