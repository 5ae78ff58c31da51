#include "data/result_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "data/atomic_file.h"
#include "data/result_schema.h"
#include "data/schema.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* result_format = "recon-result";
constexpr std::uint64_t result_version = 2;

/// What version 1 called them.
constexpr std::pair<const char*, const char*> former_names[] = {{"prior_part", "imagined"},
                                                                {"prior_fraction", "imagined_share"}};

/// Under which name a group has what is called `name` today.
std::string stored_name(const hdf5::Group& group, const std::string& name) {
  for (const auto& [today, former] : former_names) {
    if (name == today && !group.has(name) && group.has(former)) return former;
  }
  return name;
}

std::string name_today(const std::string& stored) {
  for (const auto& [today, former] : former_names) {
    if (stored == former) return today;
  }
  return stored;
}

void write_vector(hdf5::Group& group, const std::string& name, const std::vector<double>& values) {
  group.write(name, at::tensor(values, at::kDouble));
}
void write_vector(hdf5::Group& group, const std::string& name, const std::vector<std::int64_t>& values) {
  group.write(name, at::tensor(values, at::kLong));
}
void write_vector(hdf5::Group& group, const std::string& name, const std::vector<std::string>& values) {
  group.write_strings(name, values);
}

/// A part of the items.
struct Rows {
  std::int64_t first = 0, count = 0;
};

/// Some of a numeric dataset [total] as one type.
at::Tensor read_numbers(const hdf5::Dataset& dataset, std::int64_t total, Rows rows, at::ScalarType dtype) {
  if (dataset.shape() != Shape{total} || c10::isComplexType(dataset.dtype())) {
    throw data_error(dataset.location(),
                     "expected a real number for each of the {} items, got {} {}; make the file again", total,
                     c10::toString(dataset.dtype()), to_string(dataset.shape()));
  }
  return dataset.read_items(rows.first, rows.count).to(dtype);
}
void read_vector(const hdf5::Dataset& dataset, std::int64_t total, Rows rows, std::vector<double>& out) {
  const at::Tensor values = read_numbers(dataset, total, rows, at::kDouble);
  out.assign(values.const_data_ptr<double>(), values.const_data_ptr<double>() + rows.count);
}
void read_vector(const hdf5::Dataset& dataset, std::int64_t total, Rows rows, std::vector<std::int64_t>& out) {
  const at::Tensor values = read_numbers(dataset, total, rows, at::kLong);
  out.assign(values.const_data_ptr<std::int64_t>(), values.const_data_ptr<std::int64_t>() + rows.count);
}
void read_vector(const hdf5::Dataset& dataset, std::int64_t total, Rows rows, std::vector<std::string>& out) {
  if (!dataset.is_text() || dataset.shape() != Shape{total}) {
    throw data_error(dataset.location(), "expected {} texts, got {} of shape {}; make the file again", total,
                     dataset.type_name(), to_string(dataset.shape()));
  }
  out = dataset.read_strings(rows.first, rows.count);
}

void require_consistent(const std::string& location, const SolverResults& results, std::size_t count) {
  const auto check = [&](const char* name, std::size_t entries) {
    if (entries != count) throw internal_error(location, "{}: expected {} items, got {}", name, count, entries);
  };
  if (!results.reconstructions.defined()) throw internal_error(location, "reconstructions are missing");
  visit_tensors([&](const char* name, auto member) {
    const at::Tensor& value = results.*member;
    if (value.defined()) check(name, value.dim() < 1 ? 0 : static_cast<std::size_t>(value.size(0)));
  });
  visit_vectors([&](const char* name, auto member) {
    if (!(results.*member).empty()) check(name, (results.*member).size());
  });
  for (const auto& [name, values] : results.metrics) check(name.c_str(), values.size());
}

void write_solver(hdf5::Group& group, const SolverResults& results) {
  visit_tensors([&](const char* name, auto member) {
    if ((results.*member).defined()) group.write(name, results.*member);
  });
  write_result_figures(group, results);
}

/// `images` are the items whose tensors are read, `figures` those of the vectors.
SolverResults read_solver(const hdf5::Group& group, std::int64_t total, Rows images, Rows figures) {
  SolverResults results;
  results.solver = group.text_attribute("solver");
  visit_tensors([&](const char* today, auto member) {
    const std::string name = stored_name(group, today);
    if (member != &SolverResults::reconstructions && !group.has(name)) return;
    const auto dataset = group.dataset(name);
    if (dataset.shape().size() < 2 || dataset.shape()[0] != total) {
      throw data_error(dataset.location(), "expected shape [{}, ...], got {}; make the file again", total,
                       to_string(dataset.shape()));
    }
    results.*member = dataset.read_items(images.first, images.count);
  });
  visit_vectors([&](const char* name, auto member) {
    if (group.has(name)) read_vector(group.dataset(name), total, figures, results.*member);
  });
  const auto metrics = group.group("metrics");
  for (const auto& name : metrics.names()) {
    read_vector(metrics.dataset(name), total, figures, results.metrics[name_today(name)]);
  }
  return results;
}

SolverResults read_whole_solver(const hdf5::Group& group, std::int64_t total) {
  SolverResults results = read_solver(group, total, {0, total}, {0, total});
  const auto trace = group.group("trace");
  for (const auto& name : trace.names()) results.trace.emplace(name, trace.dataset(name).read());
  return results;
}

/// The text attributes of the root, each once.
template <class Set, class Visit>
void visit_result_texts(Set& set, const Visit& visit) {
  visit("config", set.config);
  visit("operator", set.operator_config);
  visit("prior", set.prior);
  visit("prior_hash", set.prior_hash);
  visit("input", set.input);
  visit("input_hash", set.input_hash);
}

/// The texts of a batch's inputs, each once.
template <class Visit>
void visit_texts(const Visit& visit, const ResultInput*) {
  visit("name", &ResultInput::name);
  visit("hash", &ResultInput::hash);
  visit("operator", &ResultInput::operator_config);
  visit("operator_hash", &ResultInput::operator_hash);
}
template <class Visit>
void visit_texts(const Visit& visit, const SkippedInput*) {
  visit("name", &SkippedInput::name);
  visit("reason", &SkippedInput::reason);
}

/// A group with a dataset per text; none for an empty list.
template <class Input>
void write_texts(hdf5::File& file, const char* where, const std::vector<Input>& inputs) {
  if (inputs.empty()) return;
  auto group = file.create_group(where);
  visit_texts(
      [&](const char* name, std::string Input::*text) {
        std::vector<std::string> texts;
        for (const auto& input : inputs) texts.push_back(input.*text);
        group.write_strings(name, texts);
      },
      inputs.data());
}

template <class Input>
void read_texts(const hdf5::File& file, const char* where, std::vector<Input>& inputs) {
  if (!file.has(where)) return;
  const auto group = file.group(where);
  inputs.resize(group.dataset("name").read_strings().size());
  visit_texts(
      [&](const char* name, std::string Input::*text) {
        const auto count = static_cast<std::int64_t>(inputs.size());
        std::vector<std::string> texts;
        read_vector(group.dataset(name), count, {0, count}, texts);
        for (std::size_t i = 0; i < texts.size(); ++i) inputs[i].*text = texts[i];
      },
      inputs.data());
}

void write_batch_provenance(hdf5::File& file, const ResultSet& set) {
  if (!set.manifest.empty()) file.write_strings("manifest", {set.manifest});
  write_texts(file, "inputs", set.inputs);
  write_texts(file, "skipped", set.skipped);
}

void read_batch_provenance(const hdf5::File& file, ResultSet& set) {
  std::vector<std::string> texts;
  if (file.has("manifest")) {
    read_vector(file.dataset("manifest"), 1, {0, 1}, texts);
    set.manifest = texts.front();
  }
  read_texts(file, "inputs", set.inputs);
  read_texts(file, "skipped", set.skipped);
}

void write_geometry(hdf5::File& file, const ImageGeometry& geometry) {
  auto group = file.create_group("geometry");
  group.set_attribute("voxel_mm", std::vector<double>(geometry.voxel_mm.begin(), geometry.voxel_mm.end()));
  group.set_attribute("grid",
                      std::vector<double>{static_cast<double>(geometry.height), static_cast<double>(geometry.width)});
  group.set_attribute("slices", static_cast<double>(geometry.slices));
  group.set_attribute("frame_s", geometry.frame_s);
  if (!geometry.affine) return;
  group.set_attribute("affine", std::vector<double>(geometry.affine->begin(), geometry.affine->end()));
  group.set_attribute("space", static_cast<double>(geometry.space));
}

template <std::size_t N>
std::array<double, N> read_array_attribute(const hdf5::Group& group, const std::string& name) {
  const std::vector<double> values = group.numbers_attribute(name);
  const bool finite = std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  if (values.size() != N || !finite) {
    throw data_error(group.location() + " " + name, "expected {} finite numbers, got {}; make the file again", N,
                     values.size());
  }
  std::array<double, N> array{};
  std::copy(values.begin(), values.end(), array.begin());
  return array;
}

std::int64_t read_count_attribute(const hdf5::Group& group, const std::string& name) {
  const double value = group.number_attribute(name);
  if (!(value >= 0 && value <= 0x1p31)) {
    throw data_error(group.location() + " " + name, "expected a whole number, got {}; make the file again", value);
  }
  return static_cast<std::int64_t>(value);
}

ImageGeometry read_geometry(const hdf5::Group& group) {
  ImageGeometry geometry{.voxel_mm = read_array_attribute<3>(group, "voxel_mm")};
  const auto grid = read_array_attribute<2>(group, "grid");
  if (!(grid[0] >= 0 && grid[1] >= 0 && std::max(grid[0], grid[1]) <= 0x1p31)) {
    throw data_error(group.location() + " grid", "expected two sizes, got {}, {}; make the file again", grid[0],
                     grid[1]);
  }
  geometry.height = static_cast<std::int64_t>(grid[0]);
  geometry.width = static_cast<std::int64_t>(grid[1]);
  geometry.slices = read_count_attribute(group, "slices");
  geometry.frame_s = group.number_attribute("frame_s");
  if (!group.has_attribute("affine")) return geometry;
  geometry.affine = read_array_attribute<12>(group, "affine");
  geometry.space = read_count_attribute(group, "space");
  return geometry;
}

ResultSet read_header(const hdf5::File& file) {
  require_format(file, result_format, result_version);
  ResultSet set;
  set.range = read_image_range(file);
  visit_result_texts(set, [&](const char* name, std::string& value) { value = file.text_attribute(name); });
  set.seed = file.uint64_attribute("seed");
  set.versions = read_text_map(file, "versions");
  set.ids = read_ids(file.dataset("ids"));
  const auto items = static_cast<std::int64_t>(set.ids.size());
  if (file.has("scale")) read_vector(file.dataset("scale"), items, {0, items}, set.scale);
  if (file.has("geometry")) set.geometry = read_geometry(file.group("geometry"));
  read_batch_provenance(file, set);
  return set;
}

}  // namespace

void write_result_header(hdf5::File& file, const ResultSet& results) {
  write_format(file, result_format, result_version);
  write_image_range(file, results.range);
  visit_result_texts(results, [&](const char* name, const std::string& value) { file.set_attribute(name, value); });
  file.set_attribute("seed", results.seed);
  write_text_map(file, "versions", results.versions);
  file.write_strings("ids", results.ids);
  if (!results.scale.empty()) write_vector(file, "scale", results.scale);
  if (results.geometry) write_geometry(file, *results.geometry);
  write_batch_provenance(file, results);
}

void write_result_figures(hdf5::Group& group, const SolverResults& results) {
  group.set_attribute("solver", results.solver);
  visit_vectors([&](const char* name, auto member) {
    if (!(results.*member).empty()) write_vector(group, name, results.*member);
  });
  auto metrics = group.create_group("metrics");
  for (const auto& [name, values] : results.metrics) write_vector(metrics, name, values);
  auto trace = group.create_group("trace");
  for (const auto& [name, values] : results.trace) trace.write(name, values);
}

void write_result_file(const std::string& path, const ResultSet& results) {
  require_consistent(path, results.main, results.ids.size());
  if (!results.scale.empty() && results.scale.size() != results.ids.size()) {
    throw internal_error(path, "scale: expected {} items, got {}", results.ids.size(), results.scale.size());
  }
  for (const auto& [name, baseline] : results.baselines) {
    require_consistent(path + " " + name, baseline, results.ids.size());
  }
  AtomicFile target(path);
  auto file = hdf5::File::create(target.temporary());
  write_result_header(file, results);
  write_solver(file, results.main);
  auto baselines = file.create_group("baselines");
  for (const auto& [name, baseline] : results.baselines) {
    auto group = baselines.create_group(name);
    write_solver(group, baseline);
  }
  file.close();
  target.commit();
}

ResultSet read_result_file(const std::string& path, const hdf5::ReadLimits& limits) {
  const auto file = hdf5::File::open(path, limits);
  ResultSet results = read_header(file);
  const auto count = static_cast<std::int64_t>(results.ids.size());
  results.main = read_whole_solver(file, count);
  const auto baselines = file.group("baselines");
  for (const auto& name : baselines.names()) {
    results.baselines.emplace(name, read_whole_solver(baselines.group(name), count));
  }
  return results;
}

ResultFile ResultFile::open(const std::string& path, const hdf5::ReadLimits& limits) {
  ResultFile result(hdf5::File::open(path, limits));
  result.header_ = read_header(result.file_);
  return result;
}

std::vector<std::string> ResultFile::baselines() const { return file_.group("baselines").names(); }

SolverResults ResultFile::rows(std::int64_t first, std::int64_t count, const std::string& baseline) const {
  const Rows rows{first, count};
  if (baseline.empty()) return read_solver(file_, this->count(), rows, rows);
  return read_solver(file_.group("baselines").group(baseline), this->count(), rows, rows);
}

SolverResults ResultFile::figures(const std::string& baseline) const {
  const Rows all{0, count()};
  if (baseline.empty()) return read_solver(file_, count(), {}, all);
  return read_solver(file_.group("baselines").group(baseline), count(), {}, all);
}

std::string hdf5_format(const std::string& path) {
  const auto file = hdf5::File::open(path);
  return file.has_attribute("format") ? file.text_attribute("format") : "";
}

}  // namespace recon
