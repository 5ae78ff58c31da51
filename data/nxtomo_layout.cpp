#include "data/nxtomo_layout.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "recon/core/error.h"

namespace recon {
namespace {

bool holds_group(const hdf5::Group& parent, const std::string& name) {
  return parent.has(name) && parent.is_group(name);
}

/// The detector of an instrument: the group that has an image_key.
std::optional<std::string> detector_of(const hdf5::Group& entry) {
  if (!holds_group(entry, "instrument")) return std::nullopt;
  const hdf5::Group instrument = entry.group("instrument");
  std::vector<std::string> names = instrument.names();
  // The usual name first.
  std::stable_partition(names.begin(), names.end(), [](const std::string& name) { return name == "detector"; });
  for (const std::string& name : names) {
    if (instrument.is_group(name) && instrument.group(name).has("image_key")) return name;
  }
  return std::nullopt;
}

bool is_scan(const hdf5::Group& entry) {
  const auto detector = detector_of(entry);
  if (!detector || !holds_group(entry, "sample") || !entry.group("sample").has("rotation_angle")) return false;
  const bool own = entry.group("instrument").group(*detector).has("data");
  return own || (holds_group(entry, "data") && entry.group("data").has("data"));
}

std::string units_of(const hdf5::Dataset& dataset) {
  return dataset.has_attribute("units") ? dataset.text_attribute("units") : "";
}

double one_number(const hdf5::Dataset& dataset) {
  const at::Tensor values = dataset.read();
  if (values.numel() != 1 || values.is_complex()) {
    throw data_error(dataset.location(), "expected one number, got {}", to_string(Shape(values.sizes().vec())));
  }
  return values.to(at::kDouble).item<double>();
}

std::vector<double> numbers_of(const hdf5::Dataset& dataset, std::int64_t count, const char* what) {
  if (dataset.is_text() || dataset.shape() != Shape{count} || c10::isComplexType(dataset.dtype())) {
    throw data_error(dataset.location(), "expected {} for each of the {} frames, got {} {}", what, count,
                     dataset.type_name(), to_string(dataset.shape()));
  }
  const at::Tensor values = dataset.read().to(at::kDouble).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + count};
}

/// What a length in `units` is worth in mm; none: they are not known.
std::optional<double> millimetres_in(const std::string& units) {
  static const std::map<std::string, double> known = {
      {"m", 1e3},   {"metre", 1e3},    {"meter", 1e3},    {"cm", 10},           {"mm", 1},
      {"um", 1e-3}, {"micron", 1e-3},  {"microns", 1e-3}, {"micrometre", 1e-3}, {"micrometer", 1e-3},
      {"nm", 1e-6}, {"\u00b5m", 1e-3}, {"\u03bcm", 1e-3}};
  const auto found = known.find(units);
  if (found == known.end()) return std::nullopt;
  return found->second;
}

std::optional<double> length_mm(const hdf5::Group& group, const std::string& name) {
  if (!group.has(name)) return std::nullopt;
  const hdf5::Dataset dataset = group.dataset(name);
  const auto unit = millimetres_in(units_of(dataset));
  const double value = one_number(dataset);
  if (!unit || !std::isfinite(value) || !(value > 0)) return std::nullopt;
  return value * *unit;
}

/// Factor from the units of angles to degrees.
double degrees_in(const hdf5::Dataset& angles, const std::vector<double>& values) {
  const std::string units = units_of(angles);
  if (units.starts_with("rad")) return 180 / std::numbers::pi;
  if (units.starts_with("deg") || units == "\u00b0") return 1;
  if (!units.empty()) throw data_error(angles.location(), "has the units '{}', expected degrees or radians", units);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (values.size() >= 16 && *high - *low > 1.5 && *high - *low < 2 * std::numbers::pi + 1e-3) {
    throw data_error(angles.location(),
                     "does not say its units and spans {:.4g} in {} frames, which may be radians: set the attribute "
                     "units to deg or rad",
                     *high - *low, values.size());
  }
  return 1;
}

}  // namespace

std::vector<std::string> nxtomo_entries(const hdf5::File& file) {
  std::vector<std::string> found;
  for (const std::string& name : file.names()) {
    if (!file.is_group(name)) continue;
    const hdf5::Group entry = file.group(name);
    if (is_scan(entry)) {
      found.push_back(name);
      continue;
    }
    for (const std::string& inside : entry.names()) {  // a subentry
      if (entry.is_group(inside) && is_scan(entry.group(inside))) found.push_back(name + "/" + inside);
    }
  }
  return found;
}

std::vector<double> NxTomoLayout::angles_deg_of(const std::vector<std::int64_t>& frames) const {
  std::vector<double> chosen;
  for (const std::int64_t frame : frames) chosen.push_back(angles_deg.at(static_cast<std::size_t>(frame)));
  return chosen;
}

NxTomoLayout nxtomo_layout(const hdf5::File& file, const std::string& path) {
  const hdf5::Group entry = file.group(path);
  const auto name = detector_of(entry);
  if (!name || !is_scan(entry)) {
    throw data_error(entry.location(),
                     "expected a scan: instrument/DETECTOR with data and image_key, and "
                     "sample/rotation_angle; `recon inspect` lists what there is");
  }
  const hdf5::Group detector = entry.group("instrument").group(*name);
  NxTomoLayout layout{.counts = detector.has("data") ? detector.dataset("data") : entry.group("data").dataset("data"),
                      .keys = {},
                      .angles_deg = {},
                      .pixel_mm = {},
                      .axis_px = {}};
  const Shape& shape = layout.counts.shape();
  if (shape.size() != 3 || shape[0] < 1 || shape[1] < 1 || shape[2] < 2 || layout.counts.is_text() ||
      c10::isComplexType(layout.counts.dtype())) {
    throw data_error(layout.counts.location(), "expected counts [frame, y, x], got {} {}", layout.counts.type_name(),
                     to_string(shape));
  }
  for (const double key : numbers_of(detector.dataset("image_key"), shape[0], "a key")) {
    layout.keys.push_back(std::isfinite(key) && std::abs(key) < 100 ? std::lround(key) : -1);
  }
  const hdf5::Dataset angles = entry.group("sample").dataset("rotation_angle");
  layout.angles_deg = numbers_of(angles, shape[0], "an angle");
  const double degrees = degrees_in(angles, layout.angles_deg);
  for (std::size_t i = 0; i < layout.angles_deg.size(); ++i) {
    layout.angles_deg[i] *= degrees;
    if (layout.keys[i] == 0 && !std::isfinite(layout.angles_deg[i])) {
      throw data_error(angles.location(), "has no angle for frame {}, which is a projection", i);
    }
  }
  const auto x = length_mm(detector, "x_pixel_size"), y = length_mm(detector, "y_pixel_size");
  if (x) layout.pixel_mm = std::array<double, 2>{*x, y.value_or(*x)};
  for (const char* axis : {"x_rotation_axis_pixel_position", "estimated_cor_from_motor"}) {
    if (layout.axis_px || !detector.has(axis)) continue;
    const double value = one_number(detector.dataset(axis));
    if (std::isfinite(value)) layout.axis_px = value;
  }
  return layout;
}

}  // namespace recon
