#include "data/calibration_file.h"

#include <ATen/ATen.h>

#include "data/atomic_file.h"
#include "data/schema.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* calibration_format = "recon-calibration";
constexpr std::uint64_t calibration_version = 1;

/// The numbers at the root, each once.
template <class Set, class Visit>
void visit_calibration_numbers(Set& set, const Visit& visit) {
  visit("noise_low", set.noise_low);
  visit("noise_high", set.noise_high);
  visit("miss", set.miss);
  visit("confidence", set.confidence);
  visit("interval_factor", set.interval_factor);
  visit("std_scale", set.std_scale);
}

at::Tensor read_table(const hdf5::File& file, const std::string& name, std::int64_t images) {
  const auto dataset = file.dataset(name);
  if (dataset.shape().size() != 2 || dataset.shape()[0] != images || dataset.dtype() != at::kDouble) {
    throw data_error(dataset.location(), "expected 64-bit floats [{}, ...], got {} {}; make the file again", images,
                     dataset.type_name(), to_string(dataset.shape()));
  }
  return dataset.read();
}

std::vector<double> read_column(const hdf5::Dataset& dataset, std::int64_t entries) {
  if (dataset.shape() != Shape{entries} || dataset.dtype() != at::kDouble) {
    throw data_error(dataset.location(), "expected 64-bit floats [{}], got {} {}; make the file again", entries,
                     dataset.type_name(), to_string(dataset.shape()));
  }
  const at::Tensor values = dataset.read();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + entries};
}

}  // namespace

void write_calibration_file(const std::string& path, const CalibrationSet& set) {
  AtomicFile target(path);
  auto file = hdf5::File::create(target.temporary());
  write_format(file, calibration_format, calibration_version);
  visit_calibration_numbers(set, [&](const char* name, double value) { file.set_attribute(name, value); });
  write_text_map(file, "made_for", set.made_for);
  write_text_map(file, "versions", set.versions);
  auto margins = file.create_group("margins");
  for (const auto& [name, margin] : set.margins) margins.set_attribute(name, margin);
  file.set_attribute("config", set.config);
  file.set_attribute("seed", set.seed);
  file.write_strings("ids", set.ids);
  auto figures = file.create_group("figures");
  for (const auto& [name, values] : set.figures) figures.write(name, at::tensor(values, at::kDouble));
  file.write("factors", at::tensor(set.factors, at::kDouble));
  file.write("misses", set.misses);
  file.write("ranks", set.ranks);
  file.close();
  target.commit();
}

CalibrationSet read_calibration_file(const std::string& path, const hdf5::ReadLimits& limits) {
  const auto file = hdf5::File::open(path, limits);
  require_format(file, calibration_format, calibration_version);
  CalibrationSet set;
  visit_calibration_numbers(set, [&](const char* name, double& value) { value = file.number_attribute(name); });
  set.made_for = read_text_map(file, "made_for");
  set.versions = read_text_map(file, "versions");
  const auto margins = file.group("margins");
  for (const auto& name : margins.attribute_names()) set.margins.emplace(name, margins.number_attribute(name));
  set.config = file.text_attribute("config");
  set.seed = file.uint64_attribute("seed");
  set.ids = read_ids(file.dataset("ids"));
  const auto images = static_cast<std::int64_t>(set.ids.size());
  const auto figures = file.group("figures");
  for (const auto& name : figures.names()) set.figures.emplace(name, read_column(figures.dataset(name), images));
  set.misses = read_table(file, "misses", images);
  set.factors = read_column(file.dataset("factors"), set.misses.size(1));
  set.ranks = read_table(file, "ranks", images);
  if (!(set.miss > 0 && set.miss < 1) || !(set.confidence > 0 && set.confidence < 1)) {
    throw data_error(path, "expected `miss` and `confidence` between 0 and 1, got {} and {}; make the file again",
                     set.miss, set.confidence);
  }
  return set;
}

}  // namespace recon
