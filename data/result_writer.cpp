#include "data/result_writer.h"

#include <cmath>

#include "data/result_schema.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Appends `rows` to `all`, of which `done` items have come; what either lacks is filled.
template <class T>
void append(std::vector<T>& all, const std::vector<T>& rows, std::size_t done, std::size_t count, const T& missing) {
  if (all.empty() && rows.empty()) return;
  all.resize(done, missing);
  all.insert(all.end(), rows.begin(), rows.end());
  all.resize(done + count, missing);
}

double missing_of(const std::vector<double>&) { return NAN; }
std::int64_t missing_of(const std::vector<std::int64_t>&) { return 0; }
std::string missing_of(const std::vector<std::string>&) { return ""; }

}  // namespace

ResultWriter::ResultWriter(const std::string& path, ResultSet header, std::int64_t compression)
    : file_(hdf5::File::create(path)), header_(std::move(header)), compression_(compression) {
  header_.main = {};
  write_result_header(file_, header_);
}

void ResultWriter::add_tensor(const std::string& name, const at::Tensor& rows) {
  auto found = datasets_.find(name);
  if (found == datasets_.end()) {
    Shape shape = rows.sizes().vec();
    shape.front() = static_cast<std::int64_t>(header_.ids.size());
    found = datasets_.emplace(name, file_.create_packed(name, rows.scalar_type(), shape, compression_)).first;
  }
  found->second.write_items(done_, rows);
}

void ResultWriter::add(const SolverResults& rows) {
  const std::int64_t count = rows.reconstructions.size(0);
  if (done_ + count > static_cast<std::int64_t>(header_.ids.size())) {
    throw internal_error("ResultWriter", "expected {} items, got {} and {} more", header_.ids.size(), done_, count);
  }
  SolverResults& all = header_.main;
  all.solver = rows.solver;
  visit_tensors([&](const char* name, auto member) {
    if ((rows.*member).defined()) add_tensor(name, rows.*member);
  });
  const auto done = static_cast<std::size_t>(done_), more = static_cast<std::size_t>(count);
  visit_vectors(
      [&](const char*, auto member) { append(all.*member, rows.*member, done, more, missing_of(all.*member)); });
  for (const auto& [name, values] : rows.metrics) all.metrics[name];  // those that come late
  for (auto& [name, values] : all.metrics) {
    const auto piece = rows.metrics.find(name);
    append(values, piece == rows.metrics.end() ? std::vector<double>(more, NAN) : piece->second, done, more,
           static_cast<double>(NAN));
  }
  done_ += count;
}

void ResultWriter::close() {
  if (done_ != static_cast<std::int64_t>(header_.ids.size())) {
    throw internal_error("ResultWriter", "expected {} items, got {}", header_.ids.size(), done_);
  }
  write_result_figures(file_, header_.main);
  file_.create_group("baselines");
  datasets_.clear();
  file_.close();
}

}  // namespace recon
