#include "data/measurement_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "data/atomic_file.h"
#include "data/schema.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* see_format = "see data/FORMAT.md for what a measurement file needs";

/// The spec of one item of a dataset of real or complex floating-point numbers.
TensorSpec item_spec(const hdf5::Dataset& dataset) {
  const at::ScalarType dtype = dataset.dtype();
  if (!c10::isFloatingType(dtype) && !c10::isComplexType(dtype)) {
    throw data_error(dataset.location(),
                     "expected float32, float64, complex64 or complex128, got {}; convert the values",
                     c10::toString(dtype));
  }
  const Shape& shape = dataset.shape();
  if (shape.size() < 2) {
    throw data_error(dataset.location(), "expected shape [N, ...] with the item first, got {}; add the leading axis",
                     to_string(shape));
  }
  return {Shape(shape.begin() + 1, shape.end()), c10::isComplexType(dtype) ? ScalarKind::complex : ScalarKind::real};
}

void require_items(const hdf5::Dataset& dataset, std::int64_t count) {
  if (!dataset.shape().empty() && dataset.shape()[0] == count) return;
  throw data_error(dataset.location(), "expected one entry for each of the {} items, got shape {}; {}", count,
                   to_string(dataset.shape()), see_format);
}

bool is_per_item(const hdf5::Dataset& dataset) {
  return dataset.has_attribute("per_item") && dataset.number_attribute("per_item") != 0;
}

void require_unique(const std::vector<std::string>& ids, const std::string& location) {
  std::set<std::string> seen;
  for (const auto& id : ids) {
    if (id.empty()) throw data_error(location, "expected a text for each item, one is empty; name every item");
    if (!seen.insert(id).second)
      throw data_error(location, "expected different ids, '{}' is there twice; rename one", id);
  }
}

void require_valid(const Noise& noise, std::int64_t count, ScalarKind scalar, const std::string& location) {
  const std::string fault = noise.fault(count, scalar);
  if (!fault.empty()) throw data_error(location, "{}; {}", fault, see_format);
}

NoiseType stored_noise_type(const hdf5::Group& group) {
  const std::string text = group.text_attribute("type");
  for (const auto type : {NoiseType::none, NoiseType::gaussian, NoiseType::poisson, NoiseType::poisson_gaussian}) {
    if (to_string(type) == text) return type;
  }
  throw data_error(group.location(), "expected type gaussian, poisson, poisson_gaussian or none, got '{}'; {}", text,
                   see_format);
}

}  // namespace

MeasurementFile MeasurementFile::open(const std::string& path, const hdf5::ReadLimits& limits) {
  MeasurementFile file(hdf5::File::open(path, limits));
  file.path_ = path;
  require_format(file.file_, "recon-measurement", version);
  file.read_header();
  file.read_items();
  file.read_operator();
  file.read_noise();
  return file;
}

void MeasurementFile::read_header() {
  header_.range = read_image_range(file_);
  const auto shape = file_.numbers_attribute("image_shape");
  bool ok = shape.size() == 3 || shape.size() == 4;
  double pixels = 1;
  for (const double extent : shape) {
    ok = ok && extent >= 1 && extent == std::floor(extent);
    pixels *= extent;
  }
  if (!ok || pixels > 0x1p40) {
    throw data_error(
        file_.location(),
        "expected image_shape = [C, H, W], of a volume [C, D, H, W], of positive integers, got [{}]; correct it",
        fmt::join(shape, ", "));
  }
  for (const double extent : shape) header_.image.shape.push_back(static_cast<std::int64_t>(extent));
  const std::string scalar = file_.has_attribute("image_field") ? file_.text_attribute("image_field") : "real";
  if (scalar != "real" && scalar != "complex") {
    throw data_error(file_.location(), "expected image_field real or complex, got '{}'; correct it", scalar);
  }
  header_.image.scalar = scalar == "complex" ? ScalarKind::complex : ScalarKind::real;
  if (file_.has_attribute("provenance")) header_.provenance = file_.text_attribute("provenance");
}

void MeasurementFile::read_items() {
  const auto measurements = file_.dataset("measurements");
  measurement_ = item_spec(measurements);
  const std::int64_t count = measurements.shape()[0];
  if (count < 1 || measurement_.numel() < 1) {
    throw data_error(measurements.location(), "expected at least one item with at least one value, got shape {}; {}",
                     to_string(measurements.shape()), see_format);
  }
  if (file_.has("ids")) {
    ids_ = read_ids(file_.dataset("ids"));
    require_items(file_.dataset("ids"), count);
    require_unique(ids_, file_.dataset("ids").location());
  } else {
    ids_ = default_ids(count);
  }
  has_ground_truth_ = file_.has("ground_truth");
  if (!has_ground_truth_) return;
  const auto truth = file_.dataset("ground_truth");
  require_items(truth, count);
  header_.truth_from_data = truth.has_attribute("from_data") && truth.number_attribute("from_data") == 1;
  if (item_spec(truth) != header_.image) {
    throw data_error(truth.location(),
                     "expected images {} as image_shape and image_field say, got {}; correct one of them",
                     header_.image.to_string(), item_spec(truth).to_string());
  }
}

void MeasurementFile::read_operator() {
  const auto group = file_.group("operator");
  header_.operator_config = group.text_attribute("config");
  for (const auto& name : group.names()) {
    const auto array = group.dataset(name);
    if (is_per_item(array)) {
      require_items(array, count());
      per_item_.push_back(name);
      continue;
    }
    const at::Tensor value = array.read();
    if (value.is_floating_point() || value.is_complex()) require_finite(value, array.location());
    header_.operator_arrays.emplace(name, value);
  }
}

void MeasurementFile::read_noise() {
  const auto group = file_.group("noise");
  auto& noise = header_.noise;
  noise.type = stored_noise_type(group);
  if (noise.counts_photons()) noise.peak = group.number_attribute("peak");
  if (noise.has_std()) {
    if (group.has("std")) {
      const at::Tensor std = group.dataset("std").read().to(at::kDouble).reshape(-1);
      noise.std.assign(std.const_data_ptr<double>(), std.const_data_ptr<double>() + std.numel());
    } else if (!(group.has("std_map") || group.has("covariance") || group.has("power_spectrum")) ||
               group.has_attribute("std")) {
      noise.std = group.numbers_attribute("std");
    }
  }
  if (group.has("std_map")) read_std_map(group);
  read_correlation(group);
  require_valid(noise, count(), measurement_.scalar, group.location());
  if (group.has_attribute("background")) {
    header_.background = at::scalar_tensor(group.number_attribute("background"), at::kDouble);
  } else if (group.has("background")) {
    const auto dataset = group.dataset("background");
    header_.background = dataset.read();
    if (shape_of(header_.background) != measurement_.shape || header_.background.is_complex()) {
      throw data_error(dataset.location(), "expected a real background of one item's shape {}, got {}; correct it",
                       to_string(measurement_.shape), to_string(shape_of(header_.background)));
    }
  }
  if (header_.background.defined()) require_finite(header_.background, group.location() + "/background");
}

void MeasurementFile::read_std_map(const hdf5::Group& group) {
  const auto dataset = group.dataset("std_map");
  if (header_.noise.type != NoiseType::gaussian) {
    throw data_error(dataset.location(), "expected noise of type gaussian with it, got {}; correct the type",
                     to_string(header_.noise.type));
  }
  Shape of_items = measurement_.shape;
  of_items.insert(of_items.begin(), count());
  has_std_maps_ = dataset.shape() == of_items;
  if (!has_std_maps_ && dataset.shape() != measurement_.shape) {
    throw data_error(dataset.location(), "expected standard deviations shaped {} or {}, got {}; correct it",
                     to_string(measurement_.shape), to_string(of_items), to_string(dataset.shape()));
  }
  const at::Tensor first = has_std_maps_ ? dataset.read_item(0) : dataset.read();
  if (const std::string fault = std_map_fault(first); !fault.empty()) throw data_error(dataset.location(), "{}", fault);
  if (!has_std_maps_) header_.std_map = first;
  if (header_.noise.std.empty()) header_.noise.std = {typical_std(first)};
}

void MeasurementFile::read_correlation(const hdf5::Group& group) {
  NoiseCorrelation& correlation = header_.correlation;
  if (group.has("covariance")) correlation.covariance = group.dataset("covariance").read();
  if (group.has("power_spectrum")) correlation.spectrum = group.dataset("power_spectrum").read();
  if (!correlation.defined()) return;
  if (header_.noise.type != NoiseType::gaussian || group.has("std_map")) {
    throw data_error(group.location(), "expected gaussian noise without std_map with a covariance or a power_spectrum");
  }
  if (const std::string fault = correlation.fault(measurement_); !fault.empty()) {
    throw data_error(group.location(), "{}; correct it", fault);
  }
  header_.noise.std = {correlation.typical_std()};
}

MeasurementItem MeasurementFile::item(std::int64_t index, Finite measurements) const {
  if (index < 0 || index >= count()) {
    throw usage_error(path_, "expected an item from 0 to {}, got {}", count() - 1, index);
  }
  MeasurementItem item;
  item.id = ids_[static_cast<std::size_t>(index)];
  const auto read = [&](const hdf5::Dataset& dataset, Finite finite = Finite::required) {
    at::Tensor value = dataset.read_item(index);
    const bool floating = value.is_floating_point() || value.is_complex();
    if (floating && finite == Finite::required)
      require_finite(value, fmt::format("{} item {} ('{}')", dataset.location(), index, item.id));
    return value;
  };
  item.y = read(file_.dataset("measurements"), measurements);
  if (has_ground_truth_) item.ground_truth = read(file_.dataset("ground_truth"));
  for (const auto& name : per_item_) item.arrays.emplace(name, read(file_.group("operator").dataset(name)));
  item.std_map = header_.std_map;
  if (has_std_maps_) {
    const auto dataset = file_.group("noise").dataset("std_map");
    item.std_map = dataset.read_item(index);
    if (const std::string fault = std_map_fault(item.std_map); !fault.empty()) {
      throw data_error(fmt::format("{} item {} ('{}')", dataset.location(), index, item.id), "{}", fault);
    }
  }
  const auto& std = header_.noise.std;
  if (!std.empty()) item.noise_std = std.size() == 1 ? std.front() : std[static_cast<std::size_t>(index)];
  return item;
}

std::int64_t MeasurementFile::index_of(const std::string& id) const {
  const auto found = std::find(ids_.begin(), ids_.end(), id);
  if (found != ids_.end()) return found - ids_.begin();
  const std::vector<std::string> some(ids_.begin(), ids_.begin() + std::min<std::ptrdiff_t>(count(), 8));
  throw usage_error(path_, "expected the id of one of its {} items ({}{}), got '{}'", count(), fmt::join(some, ", "),
                    count() > 8 ? ", ..." : "", id);
}

namespace {

void require_consistent(const std::string& path, const MeasurementSet& set, const std::vector<std::string>& ids) {
  const auto count = static_cast<std::int64_t>(ids.size());
  const auto check = [&](const at::Tensor& value, const std::string& name) {
    if (value.dim() < 1 || value.size(0) != count) {
      throw internal_error(path, "{}: expected {} items, got shape {}", name, count, to_string(shape_of(value)));
    }
    if (value.is_floating_point() || value.is_complex()) require_finite(value, path + ":/" + name);
  };
  check(set.y, "measurements");
  if (set.ground_truth.defined()) {
    check(set.ground_truth, "ground_truth");
    require(set.ground_truth, set.header.image, path + ":/ground_truth");
  }
  for (const auto& [name, value] : set.per_item_arrays) check(value, "operator/" + name);
  if (const at::Tensor& map = set.header.std_map; map.defined()) {
    Shape shape = set.y.sizes().vec();
    if (map.dim() < set.y.dim()) shape.erase(shape.begin());
    if (shape_of(map) != shape) {
      throw internal_error(path, "noise/std_map: expected {}, got {}", to_string(shape), to_string(shape_of(map)));
    }
    if (const std::string fault = std_map_fault(map); !fault.empty()) {
      throw data_error(path + ":/noise/std_map", "{}", fault);
    }
  }
  if (set.header.correlation.defined()) {
    const std::string fault = set.header.correlation.fault(spec_of_item(set.y));
    if (!fault.empty()) throw data_error(path + ":/noise", "{}", fault);
  }
  require_unique(ids, path + ":/ids");
  require_valid(set.header.noise, count, scalar_kind_of(set.y), path + ":/noise");
}

void write_noise(hdf5::Group& group, const Noise& noise) {
  group.set_attribute("type", to_string(noise.type));
  if (noise.counts_photons()) group.set_attribute("peak", noise.peak);
  if (noise.has_std() && noise.std.size() == 1) group.set_attribute("std", noise.std.front());
  if (noise.has_std() && noise.std.size() > 1) group.write("std", at::tensor(noise.std, at::kDouble));
}

}  // namespace

void write_measurement_file(const std::string& path, const MeasurementSet& set) {
  if (!set.y.defined() || set.y.dim() < 2 || set.y.size(0) < 1) {
    throw internal_error(path, "expected measurements [N >= 1, range...]");
  }
  const auto ids = set.ids.empty() ? default_ids(set.y.size(0)) : set.ids;
  require_consistent(path, set, ids);
  AtomicFile target(path);
  auto file = hdf5::File::create(target.temporary());
  write_format(file, "recon-measurement", MeasurementFile::version);
  write_image_range(file, set.header.range);
  file.set_attribute("image_shape", set.header.image.shape);
  file.set_attribute("image_field", std::string(set.header.image.scalar == ScalarKind::complex ? "complex" : "real"));
  file.set_attribute("provenance", set.header.provenance);
  file.write("measurements", set.y);
  file.write_strings("ids", ids);
  if (set.ground_truth.defined()) {
    auto truth = file.write("ground_truth", set.ground_truth);
    if (set.header.truth_from_data) truth.set_attribute("from_data", 1.0);
  }
  auto op = file.create_group("operator");
  op.set_attribute("config", set.header.operator_config);
  for (const auto& [name, value] : set.header.operator_arrays) op.write(name, value);
  for (const auto& [name, value] : set.per_item_arrays) op.write(name, value).set_attribute("per_item", 1.0);
  auto noise = file.create_group("noise");
  write_noise(noise, set.header.noise);
  if (const at::Tensor& background = set.header.background; background.defined() && background.dim() == 0) {
    noise.set_attribute("background", background.item<double>());
  } else if (background.defined()) {
    noise.write("background", background);
  }
  if (set.header.std_map.defined()) noise.write("std_map", set.header.std_map);
  const auto& [covariance, spectrum] = set.header.correlation;
  if (covariance.defined()) noise.write("covariance", covariance);
  if (spectrum.defined()) noise.write("power_spectrum", spectrum);
  file.close();
  target.commit();
}

}  // namespace recon
