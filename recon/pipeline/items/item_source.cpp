#include "recon/pipeline/items/item_source.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "operators/mri/image_phase.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/metrics/noise_level.h"
#include "recon/pipeline/items/operator_source.h"

namespace recon {
namespace {

/// The noise that a file states, with the config's std in its place when that is given.
Noise noise_of(const MeasurementHeader& header, const ItemOptions& options) {
  if (!options.noise_std) return header.noise;
  if (header.noise.counts_photons()) {
    throw usage_error(options.location_of_noise_std, "the file's noise is {}: its level follows from its peak",
                      header.noise.type == NoiseType::poisson ? "Poisson" : "Poisson-Gaussian");
  }
  return {
      .type = *options.noise_std > 0 ? NoiseType::gaussian : NoiseType::none, .std = {*options.noise_std}, .peak = 0};
}

MeasurementItem item_of(const MeasurementSet& set, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  MeasurementItem item{.id = set.ids[i], .y = set.y[index], .ground_truth = {}, .arrays = {}, .noise_std = 0};
  if (set.ground_truth.defined()) item.ground_truth = set.ground_truth[index];
  for (const auto& [name, value] : set.per_item_arrays) item.arrays[name] = value[index];
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
  std::vector<std::int64_t> found;
  if (wanted == std::vector<std::string>{"all"}) {
    for (std::size_t i = 0; i < ids().size(); ++i) found.push_back(static_cast<std::int64_t>(i));
  } else {
    for (const auto& id : wanted) {
      const auto place = std::find(ids().begin(), ids().end(), id);
      if (place == ids().end()) {
        const std::vector<std::string> some(ids().begin(),
                                            ids().begin() + std::min<std::ptrdiff_t>(std::ssize(ids()), 8));
        throw usage_error(reader_.name, "expected the id of one of its {} items ({}{}), got '{}'", ids().size(),
                          fmt::join(some, ", "), ids().size() > 8 ? ", ..." : "", id);
      }
      found.push_back(place - ids().begin());
    }
  }
  if (found.empty()) throw data_error(reader_.name, "there is no item to reconstruct");
  return found;
}

OperatorPtr ItemSource::operator_for(const MeasurementItem& stored) {
  OperatorPtr op = *shared_op_;
  if (op == nullptr) {
    std::map<std::string, at::Tensor> arrays = header().operator_arrays;
    for (const auto& [name, value] : stored.arrays) arrays[name] = value;
    const StoredOperator built =
        build_stored_operator(header().operator_config, arrays, image_, reader_.name, [&] { return stored.y; });
    op = built.op;
    if (stored.arrays.empty() && !built.estimated) *shared_op_ = op;
  }
  if (op->range() != reader_.measurement) {
    throw data_error(reader_.name + ":/measurements", "the operator '{}' gives {}, the file holds {}", op->name(),
                     op->range().to_string(), reader_.measurement.to_string());
  }
  return op;
}

void ItemSource::estimate_noise(PreparedItem& item) const {
  const auto estimate = estimate_noise_level(item.y[0], item.op->support());
  if (!estimate) {
    throw data_error(reader_.name + " item " + item.id,
                     "the noise level cannot be estimated from {} data of {}; set noise_std",
                     item.op->range().to_string(), item.op->name());
  }
  log::info("item {}: noise level {:.3g}, from the {}", item.id, estimate->std, estimate->method);
  item.noise = item_noise({.type = NoiseType::gaussian, .std = {estimate->std}, .peak = 0}, 0, item.y);
}

PreparedItem ItemSource::prepare(std::int64_t index, c10::Device device) {
  const MeasurementItem stored = reader_.read(index);
  PreparedItem item;
  item.id = ids()[static_cast<std::size_t>(index)];
  item.op = operator_for(stored);
  item.range = header().range;
  item.y = stored.y.unsqueeze(0).to(device, stored.y.is_complex() ? at::kComplexFloat : at::kFloat);
  if (options_.complex_image == ComplexImage::phase_from_centre && image_.scalar == ScalarKind::complex) {
    item.op = with_phase(item.op, low_resolution_phase(item.op, item.y));
  }
  Noise level = noise_;
  if (level.has_std() && !options_.noise_std) level.std = {stored.noise_std};
  item.noise = item_noise(level, 0, item.y);
  if (options_.estimate_noise) {
    estimate_noise(item);
  } else if (options_.check_noise_level) {
    const std::string text = noise_level_warning(item.noise, item.y, *item.op);
    if (!text.empty()) log::warn("item {}: {}", item.id, text);
  }
  if (stored.ground_truth.defined()) item.ground_truth = stored.ground_truth.unsqueeze(0);
  return item;
}

}  // namespace recon
