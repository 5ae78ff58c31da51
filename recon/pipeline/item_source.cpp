#include "recon/pipeline/item_source.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/metrics/noise_level.h"
#include "recon/pipeline/operator_source.h"
#include "recon/pipeline/trust.h"

namespace recon {
namespace {

/// The noise that a file states, with the config's std in its place when that is given.
Noise noise_of(const MeasurementHeader& header, const ItemOptions& options) {
  Noise noise{.type = noise_type_from(header.noise.type), .std = header.noise.std, .peak = header.noise.peak};
  if (!options.noise_std) return noise;
  if (noise.counts_photons()) {
    throw usage_error(options.place_of_noise_std, "the file's noise is {}: its level follows from its peak",
                      noise.type == NoiseType::poisson ? "Poisson" : "Poisson-Gaussian");
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

ItemSource::ItemSource(std::string name, MeasurementHeader header, std::vector<std::string> ids, TensorSpec measurement,
                       std::function<MeasurementItem(std::int64_t)> read, const ItemOptions& options)
    : name_(std::move(name)),
      header_(std::move(header)),
      ids_(std::move(ids)),
      measurement_(std::move(measurement)),
      image_(header_.image),
      read_(std::move(read)),
      options_(options),
      noise_(noise_of(header_, options)) {
  if (options_.complex_image == ComplexImage::magnitude) image_.field = Field::real;
}

ItemSource ItemSource::open(const std::string& path, const ItemOptions& options) {
  const auto file = std::make_shared<const MeasurementFile>(MeasurementFile::open(path));
  return {file->path(),
          file->header(),
          file->ids(),
          file->measurement(),
          [file](std::int64_t index) { return file->item(index); },
          options};
}

ItemSource ItemSource::of(const MeasurementSet& set, const std::string& name, const ItemOptions& options) {
  return {name,   set.header, set.ids, spec_of_item(set.y), [set](std::int64_t index) { return item_of(set, index); },
          options};
}

std::vector<std::int64_t> ItemSource::indices(const std::vector<std::string>& wanted) const {
  std::vector<std::int64_t> found;
  if (wanted == std::vector<std::string>{"all"}) {
    for (std::size_t i = 0; i < ids_.size(); ++i) found.push_back(static_cast<std::int64_t>(i));
  } else {
    for (const auto& id : wanted) {
      const auto place = std::find(ids_.begin(), ids_.end(), id);
      if (place == ids_.end()) {
        const std::vector<std::string> some(ids_.begin(), ids_.begin() + std::min<std::ptrdiff_t>(std::ssize(ids_), 8));
        throw usage_error(name_, "expected the id of one of its {} items ({}{}), got '{}'", ids_.size(),
                          fmt::join(some, ", "), ids_.size() > 8 ? ", ..." : "", id);
      }
      found.push_back(place - ids_.begin());
    }
  }
  if (found.empty()) throw data_error(name_, "there is no item to reconstruct");
  return found;
}

OperatorPtr ItemSource::operator_for(const MeasurementItem& stored) {
  if (shared_op_ != nullptr) return shared_op_;
  std::map<std::string, at::Tensor> arrays = header_.operator_arrays;
  for (const auto& [name, value] : stored.arrays) arrays[name] = value;
  OperatorPtr op = build_stored_operator(header_.operator_config, arrays, image_, name_);
  if (op->range() != measurement_) {
    throw data_error(name_ + ":/measurements", "the operator '{}' gives {}, the file holds {}", op->name(),
                     op->range().to_string(), measurement_.to_string());
  }
  if (stored.arrays.empty()) shared_op_ = op;
  return op;
}

void ItemSource::estimate_noise(PreparedItem& item) const {
  const auto estimate = estimate_noise_level(item.y[0], item.op->support());
  if (!estimate) {
    throw data_error(name_ + " item " + item.id,
                     "the noise level cannot be estimated from {} data of {}; set noise_std",
                     item.op->range().to_string(), item.op->name());
  }
  log::info("item {}: noise level {:.3g}, from the {}", item.id, estimate->std, estimate->method);
  item.noise = item_noise({.type = NoiseType::gaussian, .std = {estimate->std}, .peak = 0}, 0, item.y);
}

PreparedItem ItemSource::prepare(std::int64_t index, c10::Device device) {
  const MeasurementItem stored = read_(index);
  PreparedItem item;
  item.id = stored.id;
  item.op = operator_for(stored);
  item.range = header_.range;
  item.y = stored.y.unsqueeze(0).to(device, stored.y.is_complex() ? at::kComplexFloat : at::kFloat);
  Noise level = noise_;
  if (level.has_std() && !options_.noise_std) level.std = {stored.noise_std};
  item.noise = item_noise(level, 0, item.y);
  if (options_.estimate_noise) estimate_noise(item);
  if (const std::string text = noise_level_warning(item); !text.empty()) log::warn("item {}: {}", item.id, text);
  if (stored.ground_truth.defined()) item.ground_truth = stored.ground_truth.unsqueeze(0);
  return item;
}

}  // namespace recon
