#include "recon/pipeline/items/external_reader.h"

#include <ATen/ATen.h>

#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "recon/config/option_lister.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/items/measured_range.h"
#include "recon/pipeline/items/noise_section.h"
#include "recon/pipeline/items/operator_estimation.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/pipeline/items/support.h"

namespace recon {
namespace {

/// The config's operator, or the file's own.
BuiltOperator operator_of(const InputPlan& plan, const ExternalFile& file, const TensorSpec& image,
                          const std::string& path) {
  if (plan.op == nullptr && file.operator_config.empty()) {
    throw usage_error(plan.location, "input: {} does not say how it was measured; set `format: {}` and `operator`",
                      path, plan.format_of(path)->name);
  }
  if (plan.op == nullptr) {
    const auto first = [&] { return file.y(0); };
    return {.op = build_stored_operator(file.operator_config, file.operator_arrays, image, path, first).op,
            .config = {},
            .arrays = file.operator_arrays};
  }
  const auto mask = file.operator_arrays.find("mask");
  if (mask != file.operator_arrays.end() && mask->second.min().item<double>() == 0) {
    throw usage_error(plan.location, "input: {} is undersampled and says so by its own mask; leave `operator` out",
                      path);
  }
  return build_operator(plan.op, "operator", image, path);
}

/// The operator on the image that gives such measurements: of the same size, larger by the margin of an unknown
/// boundary, or a few times as large where the operator makes images smaller. `image` becomes that one.
BuiltOperator operator_for(const InputPlan& plan, const ExternalFile& file, TensorSpec& image,
                           const std::string& path) {
  std::optional<Error> fault;
  std::optional<BuiltOperator> built;
  try {
    built = operator_of(plan, file, image, path);
    if (built->op->range() == file.measurement || !file.image_shape.empty()) return *built;
  } catch (const Error& error) {
    fault = error;
  }
  std::vector<TensorSpec> sizes;
  const bool images = file.measurement.shape.size() == 3 && built && built->op->range().shape.size() == 3;
  if (images && built->op->window()) {  // data that are a window of the image
    sizes.push_back(file.measurement);
    for (std::size_t axis = 1; axis < 3; ++axis) {
      sizes.back().shape[axis] += file.measurement.shape[axis] - built->op->range().shape[axis];
    }
  }
  for (const std::int64_t factor : {2, 3, 4, 5, 6, 8, 16}) {
    sizes.push_back(file.measurement);
    for (std::size_t axis = 1; axis < sizes.back().shape.size(); ++axis) sizes.back().shape[axis] *= factor;
  }
  for (const TensorSpec& larger : sizes) {
    if (!file.image_shape.empty()) break;
    try {
      const BuiltOperator other = operator_of(plan, file, larger, path);
      if (other.op->range() != file.measurement) continue;
      image = larger;
      return other;
    } catch (const Error&) {
      // Then it is none of this size; the first attempt says why there is no other.
    }
  }
  if (fault) throw *fault;
  return *built;
}

/// With numbers for what its operator leaves to the data: those of the file's first items.
InputPlan estimated(const InputPlan& plan, const ExternalFile& file, const std::vector<std::int64_t>& indices,
                    const std::string& path) {
  InputPlan settled = plan;
  if (plan.op == nullptr) return settled;
  const auto measurement = [&](std::int64_t i) { return file.y(indices[static_cast<std::size_t>(i)]); };
  settled.op = with_estimates(plan.op, std::ssize(indices), measurement,
                              plan.noise_of(file).value_or(file.noise.value_or(Noise{})), path);
  if (settled.op != plan.op && plan.correlation.defined()) {
    throw usage_error(plan.location,
                      "input: numbers of an operator are estimated from white noise only, not where the "
                      "noise is correlated; give the operator numbers");
  }
  return settled;
}

/// Of the adjoint image, fitted to the data; of projections of the filtered one: but for a thousandth of its points,
/// which are noise.
double brightest_point(const LinearOperator& op, const at::Tensor& y) {
  const auto filtered = filtered_magnitudes(op, y);
  if (!filtered) return fitted_adjoint_magnitudes(op, y).max().item<double>();
  const at::Tensor points = filtered->flatten();
  const std::int64_t rank = points.numel() - points.numel() / 1000;
  return std::get<0>(points.kthvalue(rank)).item<double>();
}

/// What the numbers of a file are multiplied with, so that its brightest point becomes `high`.
double automatic_scale(const ExternalFile& file, const OperatorPtr& op, const at::Tensor& y, double high,
                       const std::string& path) {
  double brightest = 0;
  if (file.brightest) {
    brightest = *file.brightest;
  } else {
    brightest = brightest_point(*as_linear(op, "scale: auto"), y.unsqueeze(0));
  }
  if (!(brightest > 0) || !(high > 0)) {
    throw data_error(path, "the middle item has no bright point to scale by; give `scale` a number");
  }
  return high / brightest;
}

/// The levels of noise of an item's entries that the file says, or the config's where it says one: what was not
/// measured stays so.
at::Tensor own_level(const std::optional<Noise>& stated, const ExternalFile& file, std::int64_t index) {
  const at::Tensor map = file.std_map(index);
  if (!stated || stated->type != NoiseType::gaussian) return map;
  return at::where(at::isfinite(map), at::full_like(map, stated->std.front()), map);
}

/// What its items are called: as the file says, or their indices.
std::vector<std::string> ids_of(const ExternalFile& file, const std::string& path) {
  if (!file.ids.empty()) {
    if (std::ssize(file.ids) != file.count) {
      throw internal_error(path, "{} ids for {} items", file.ids.size(), file.count);
    }
    return file.ids;
  }
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < file.count; ++i) ids.push_back(std::to_string(i));
  return ids;
}

}  // namespace

ExternalFile open_external(const InputPlan& plan, const std::string& path) {
  if (plan.open) return plan.open(path, plan.numbers);
  const InputFormat* format = plan.format_of(path);
  if (format == nullptr) throw internal_error(path, "no format recognises it");
  YamlOptions defaults(std::make_shared<const YamlNode>(), "input");
  return format->make(defaults)(path, StoredNumbers{});
}

ItemReader external_reader(const std::shared_ptr<const InputPlan>& plan,
                           const std::shared_ptr<FilePool<ExternalFile>>& pool, const std::string& path) {
  const auto file = pool->get(path);
  const auto indices = plan->slices.of(file->count);
  if (indices.empty()) {
    throw usage_error(plan->location, "input: slices '{}' are none of the {} items of {}", plan->options.slices,
                      file->count, path);
  }
  const std::vector<std::string> ids = ids_of(*file, path);
  ItemReader reader{.name = path, .header = {}, .ids = {}, .measurement = file->measurement, .read = {}};
  MeasurementHeader& header = reader.header;
  header.image = file->measurement;
  if (const Shape& shape = file->image_shape; !shape.empty()) {
    if (shape.size() != 3)
      throw usage_error(plan->location, "input: image_shape {} is not [C, H, W]", to_string(shape));
    header.image.shape = shape;
  }
  header.range = {plan->options.image_range[0], plan->options.image_range[1]};
  if (file->range && !plan->range_given) header.range = *file->range;
  if (file->geometry) header.geometry = of_slices(*file->geometry, indices);
  const BuiltOperator built = operator_for(estimated(*plan, *file, indices, path), *file, header.image, path);
  if (built.op->range() != file->measurement) {
    throw usage_error(plan->location,
                      "input: the operator '{}' gives {}, {} holds {}; correct `operator`, `axes` or "
                      "`image_shape`",
                      built.op->name(), built.op->range().to_string(), path, file->measurement.to_string());
  }
  header.operator_config = built.config.is_null() ? file->operator_config : to_yaml(built.config);
  header.operator_arrays = built.arrays;
  const at::Tensor support = built.op->support();
  const at::Tensor std_map = plan->std_map.defined()
                                 ? std_map_of(plan->std_map, file->count, file->measurement, plan->location)
                                 : at::Tensor();
  const std::optional<Noise> stated = plan->noise_of(*file);
  std::function<at::Tensor(std::int64_t)> own_map;
  if (file->std_map && plan->correlation.defined()) {
    throw usage_error(plan->location, "input: {} has a level of noise for every entry; a correlation cannot replace it",
                      path);
  }
  if (file->std_map && !std_map.defined() &&
      (!stated || stated->type == NoiseType::gaussian || file->std_map_is_mask)) {
    own_map = [&](std::int64_t index) { return own_level(stated, *file, index); };
  }
  const bool own_levels = own_map && (!file->std_map_is_mask || (stated && stated->type == NoiseType::gaussian));
  const bool automatic = plan->brightest_is_one || (file->arbitrary_units && !plan->numbers.scale);
  if (automatic) {
    const std::int64_t index = indices[indices.size() / 2];
    at::Tensor middle = on_support(file->y(index), support);
    if (std_map.defined()) middle = on_support(middle, at::isfinite(std_map_of_item(std_map, index, middle)));
    if (own_map) middle = on_support(middle, at::isfinite(own_map(index)));
    header.scale = automatic_scale(*file, built.op, middle, header.range.high, path);
    log::info("{}: its numbers are multiplied by {:.6g}", path, header.scale);
  }
  header.noise = scaled(stated.value_or(file->noise.value_or(Noise{})), header.scale);
  header.provenance = fmt::format("{} {} scaled by {:.9g}", plan->format_of(path)->name, path, header.scale);
  for (const auto index : indices) reader.ids.push_back(ids[static_cast<std::size_t>(index)]);
  if (plan->background.defined()) {
    header.background = background_of(plan->background, file->measurement, plan->location) * header.scale;
  }
  if (std_map.defined()) {
    header.std_map = std_map * std::abs(header.scale);
    header.noise = {.type = NoiseType::gaussian, .std = {typical_std(header.std_map)}, .peak = 0};
  } else if (plan->correlation.defined()) {
    require_correlation(plan->correlation, file->measurement, plan->location);
    header.correlation = plan->correlation.scaled(header.scale);
    header.noise.std = {header.correlation.typical_std()};
  } else if (own_levels) {
    const at::Tensor middle = own_map(indices[indices.size() / 2]) * std::abs(header.scale);
    header.noise = {.type = NoiseType::gaussian, .std = {typical_std(middle)}, .peak = 0};
  }
  reader.read = [pool, path, indices, ids = reader.ids, own = static_cast<bool>(own_map), own_levels, stated,
                 scale = header.scale, std = header.noise.std, std_map = header.std_map](std::int64_t item) {
    const auto opened = pool->get(path);
    const auto index = indices.at(static_cast<std::size_t>(item));
    MeasurementItem read;
    read.id = ids[static_cast<std::size_t>(item)];
    read.y = opened->y(index) * scale;  // what the support leaves out is for ItemSource to judge
    if (opened->truth) read.ground_truth = opened->truth(index) * scale;
    read.noise_std = std.empty() ? 0 : std.front();
    if (std_map.defined()) read.std_map = std_map_of_item(std_map, index, read.y);
    if (own) {
      read.std_map = own_level(stated, *opened, index) * std::abs(scale);
      if (own_levels) read.noise_std = typical_std(read.std_map);
    }
    return read;
  };
  return reader;
}

}  // namespace recon
