#include "recon/pipeline/batch/batch_assembly.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "data/atomic_file.h"
#include "data/image_io.h"
#include "data/result_writer.h"
#include "recon/core/error.h"
#include "recon/pipeline/solve/figures.h"
#include "recon/pipeline/solve/misfit.h"
#include "recon/report/text_table.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

/// Temporary files of assemblies that were killed. Nobody else writes there while the store is in assembly.
void remove_leftovers(const fs::path& output) {
  const fs::path folder = output.has_parent_path() ? output.parent_path() : ".";
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().starts_with(output.filename().string() + ".tmp.")) {
      fs::remove(entry.path(), ignored);
    }
  }
}

SolverResults rows_of(const BatchStore& store, const BatchWork& work, std::size_t batch) {
  const auto [first, count] = work.batches.at(batch);
  if (store.earlier() != nullptr && !store.has_part(batch)) return store.earlier()->rows(first, count);
  const std::string path = store.part_path(batch);
  const ResultFile part = ResultFile::open(path);
  if (part.header().ids != work.ids_of(batch)) {
    throw data_error(path, "holds other items than batch {} of this run; remove it and run again", batch);
  }
  return part.rows(0, count);
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.defined() != b.defined()) return false;
  if (!a.defined()) return true;
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  return std::memcmp(a.contiguous().const_data_ptr(), b.contiguous().const_data_ptr(), a.nbytes()) == 0;
}

/// Whether the file gives back what the part holds. The file may have more: what only other batches know.
bool holds(const SolverResults& file, const SolverResults& part) {
  bool same = true;
  for (const auto member :
       {&SolverResults::reconstructions, &SolverResults::std, &SolverResults::samples, &SolverResults::quantiles,
        &SolverResults::prior_part, &SolverResults::anomaly, &SolverResults::chi2_map}) {
    if ((part.*member).defined()) same = same && same_bits(file.*member, part.*member);
  }
  return same && file.status == part.status && file.error == part.error && file.nfe_forward == part.nfe_forward;
}

/// The figures that an item of the file knows.
std::vector<Figure> figures_in(const SolverResults& results, std::size_t items) {
  std::vector<Figure> known;
  for (const auto& figure : figures()) {
    bool knows = false;
    for (std::size_t i = 0; i < items; ++i) knows = knows || std::isfinite(stored_figure(figure, results, i));
    if (knows) known.push_back(figure);
  }
  return known;
}

}  // namespace

bool assemble_batch(const BatchStore& store, const BatchWork& work, const ResultSet& header, std::int64_t compression,
                    const std::function<bool(std::size_t, std::size_t)>& on_batch) {
  remove_leftovers(store.output());
  AtomicFile target(store.output().string());
  ResultWriter writer(target.temporary(), header, compression);
  const std::size_t batches = work.batches.size();
  for (std::size_t batch = 0; batch < batches; ++batch) {
    writer.add(rows_of(store, work, batch));
    if (!on_batch(batch + 1, 2 * batches)) return false;
  }
  writer.close();
  {
    const ResultFile file = ResultFile::open(target.temporary());
    for (std::size_t batch = 0; batch < batches; ++batch) {
      const auto [first, count] = work.batches[batch];
      if (!holds(file.rows(first, count), rows_of(store, work, batch))) {
        throw data_error(store.output().string(),
                         "batch {} does not read back as it was written; check the disk, then run again", batch);
      }
      if (!on_batch(batches + batch + 1, 2 * batches)) return false;
    }
  }
  target.commit();
  return true;
}

BatchSummary summary_of(const ResultFile& result) {
  const SolverResults stored = result.figures();
  BatchSummary summary;
  summary.items = result.header().ids.size();
  summary.misfits = static_cast<std::size_t>(std::count(stored.status.begin(), stored.status.end(), misfit_status));
  for (std::size_t i = 0; i < stored.error.size(); ++i) {
    if (stored.error[i].empty()) continue;
    ++summary.failed;
    if (summary.first_failures.size() < 10) summary.first_failures.push_back({result.header().ids[i], stored.error[i]});
  }
  for (const auto& figure : figures_in(stored, summary.items)) {
    std::vector<double> values;
    for (std::size_t i = 0; i < summary.items; ++i) values.push_back(stored_figure(figure, stored, i));
    summary.means.emplace_back(figure.key, mean_of_known(values).mean);
  }
  return summary;
}

void write_batch_csv(const std::string& path, const ResultFile& result) {
  const SolverResults stored = result.figures();
  const auto columns = figures_in(stored, result.header().ids.size());
  std::string text = "id,status";
  for (const auto& figure : columns) text += "," + figure.key;
  text += ",device,error\r\n";
  for (std::size_t i = 0; i < result.header().ids.size(); ++i) {
    text += csv_field(result.header().ids[i]) + "," + stored.status[i];
    for (const auto& figure : columns) text += "," + figure.csv(stored_figure(figure, stored, i));
    text += "," + stored.device[i] + "," + csv_field(stored.error[i]) + "\r\n";
  }
  write_file_atomically(path, text);
}

void write_contact_sheet(const std::string& path, const ResultFile& result, std::int64_t items) {
  const std::int64_t count = std::min(items, result.count());
  const SolverResults shown = result.rows(0, count);
  const auto psnr = shown.metrics.find("psnr");
  std::vector<PanelTile> tiles;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto k = static_cast<std::size_t>(i);
    std::string label = result.header().ids[k];
    if (!shown.error[k].empty()) {
      label += " " + shown.status[k];
    } else if (psnr != shown.metrics.end() && std::isfinite(psnr->second[k])) {
      label += fmt::format(" {:.1f} dB", psnr->second[k]);
    }
    tiles.push_back({label, shown.reconstructions[i], result.header().range});
  }
  write_png_panel(path, tiles, static_cast<int>(std::ceil(std::sqrt(static_cast<double>(count)))));
}

std::set<std::size_t> failed_batches(const ResultFile& result, const BatchWork& work) {
  const auto errors = result.figures().error;
  std::set<std::size_t> failed;
  for (std::size_t batch = 0; batch < work.batches.size(); ++batch) {
    const auto begin = errors.begin() + work.batches[batch].first;
    if (std::any_of(begin, begin + work.batches[batch].count, [](const auto& text) { return !text.empty(); })) {
      failed.insert(batch);
    }
  }
  return failed;
}

}  // namespace recon
