#include "data/result_file.h"

#include <ATen/ATen.h>

#include "data/atomic_file.h"
#include "data/schema.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* format_name = "recon-result";
constexpr std::uint64_t format_version = 1;

/// The per-item vectors of a solver's results, each once: what the writer, the checker and the reader go through.
template <class Results, class Visit>
void visit_vectors(Results& results, const Visit& visit) {
  visit("chi2", results.chi2);
  visit("status", results.status);
  visit("nfe_forward", results.nfe_forward);
  visit("nfe_backward", results.nfe_backward);
  visit("seconds", results.seconds);
  visit("peak_mib", results.peak_mib);
}

template <class Results, class Visit>
void visit_tensors(Results& results, const Visit& visit) {
  visit("reconstructions", results.reconstructions);
  visit("std", results.std);
  visit("samples", results.samples);
  visit("quantiles", results.quantiles);
  visit("imagined", results.imagined);
  visit("chi2_map", results.chi2_map);
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

/// A numeric dataset [count] as one type.
at::Tensor read_numbers(const hdf5::Dataset& dataset, std::int64_t count, at::ScalarType dtype) {
  if (dataset.shape() != Shape{count} || c10::isComplexType(dataset.dtype())) {
    throw data_error(dataset.place(), "expected a real number for each of the {} items, got {} {}; make the file again",
                     count, c10::toString(dataset.dtype()), to_string(dataset.shape()));
  }
  return dataset.read().to(dtype);
}
void read_vector(const hdf5::Dataset& dataset, std::int64_t count, std::vector<double>& out) {
  const at::Tensor values = read_numbers(dataset, count, at::kDouble);
  out.assign(values.const_data_ptr<double>(), values.const_data_ptr<double>() + count);
}
void read_vector(const hdf5::Dataset& dataset, std::int64_t count, std::vector<std::int64_t>& out) {
  const at::Tensor values = read_numbers(dataset, count, at::kLong);
  out.assign(values.const_data_ptr<std::int64_t>(), values.const_data_ptr<std::int64_t>() + count);
}
void read_vector(const hdf5::Dataset& dataset, std::int64_t count, std::vector<std::string>& out) {
  out = dataset.read_strings();
  if (static_cast<std::int64_t>(out.size()) != count) {
    throw data_error(dataset.place(), "expected {} texts, got {}; make the file again", count, out.size());
  }
}

void require_consistent(const std::string& place, const SolverResults& results, std::size_t count) {
  const auto check = [&](const char* name, std::size_t entries) {
    if (entries != count) throw internal_error(place, "{}: expected {} items, got {}", name, count, entries);
  };
  if (!results.reconstructions.defined()) throw internal_error(place, "reconstructions are missing");
  visit_tensors(results, [&](const char* name, const at::Tensor& value) {
    if (value.defined()) check(name, value.dim() < 1 ? 0 : static_cast<std::size_t>(value.size(0)));
  });
  visit_vectors(results, [&](const char* name, const auto& values) {
    if (!values.empty()) check(name, values.size());
  });
  for (const auto& [name, values] : results.metrics) check(name.c_str(), values.size());
}

void write_solver(hdf5::Group& group, const SolverResults& results) {
  group.set_attribute("solver", results.solver);
  visit_tensors(results, [&](const char* name, const at::Tensor& value) {
    if (value.defined()) group.write(name, value);
  });
  visit_vectors(results, [&](const char* name, const auto& values) {
    if (!values.empty()) write_vector(group, name, values);
  });
  auto metrics = group.create_group("metrics");
  for (const auto& [name, values] : results.metrics) write_vector(metrics, name, values);
  auto trace = group.create_group("trace");
  for (const auto& [name, values] : results.trace) trace.write(name, values);
}

SolverResults read_solver(const hdf5::Group& group, std::int64_t count) {
  SolverResults results;
  results.solver = group.text_attribute("solver");
  visit_tensors(results, [&](const char* name, at::Tensor& value) {
    if (&value != &results.reconstructions && !group.has(name)) return;
    const auto dataset = group.dataset(name);
    if (dataset.shape().size() < 2 || dataset.shape()[0] != count) {
      throw data_error(dataset.place(), "expected shape [{}, ...], got {}; make the file again", count,
                       to_string(dataset.shape()));
    }
    value = dataset.read();
  });
  visit_vectors(results, [&](const char* name, auto& values) {
    if (group.has(name)) read_vector(group.dataset(name), count, values);
  });
  const auto metrics = group.group("metrics");
  for (const auto& name : metrics.names()) read_vector(metrics.dataset(name), count, results.metrics[name]);
  const auto trace = group.group("trace");
  for (const auto& name : trace.names()) results.trace.emplace(name, trace.dataset(name).read());
  return results;
}

/// The text attributes of the root, each once.
template <class Set, class Visit>
void visit_texts(Set& set, const Visit& visit) {
  visit("config", set.config);
  visit("operator", set.operator_config);
  visit("prior", set.prior);
  visit("prior_hash", set.prior_hash);
  visit("input", set.input);
  visit("input_hash", set.input_hash);
}

}  // namespace

void write_result_file(const std::string& path, const ResultSet& results) {
  require_consistent(path, results.main, results.ids.size());
  for (const auto& [name, baseline] : results.baselines) {
    require_consistent(path + " " + name, baseline, results.ids.size());
  }
  AtomicFile target(path);
  auto file = hdf5::File::create(target.temporary());
  write_format(file, format_name, format_version);
  write_image_range(file, results.range);
  visit_texts(results, [&](const char* name, const std::string& value) { file.set_attribute(name, value); });
  file.set_attribute("seed", results.seed);
  auto versions = file.create_group("versions");
  for (const auto& [name, value] : results.versions) versions.set_attribute(name, value);
  file.write_strings("ids", results.ids);
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
  require_format(file, format_name, format_version);
  ResultSet results;
  results.range = read_image_range(file);
  visit_texts(results, [&](const char* name, std::string& value) { value = file.text_attribute(name); });
  results.seed = file.uint64_attribute("seed");
  const auto versions = file.group("versions");
  for (const auto& name : versions.attribute_names()) results.versions.emplace(name, versions.text_attribute(name));
  results.ids = read_ids(file.dataset("ids"));
  const auto count = static_cast<std::int64_t>(results.ids.size());
  results.main = read_solver(file, count);
  const auto baselines = file.group("baselines");
  for (const auto& name : baselines.names()) results.baselines.emplace(name, read_solver(baselines.group(name), count));
  return results;
}

std::string hdf5_format(const std::string& path) {
  const auto file = hdf5::File::open(path);
  return file.has_attribute("format") ? file.text_attribute("format") : "";
}

}  // namespace recon
