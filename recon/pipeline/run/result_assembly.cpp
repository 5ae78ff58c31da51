#include "recon/pipeline/run/result_assembly.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/log.h"
#include "recon/pipeline/solve/misfit.h"

namespace recon {
namespace {

std::string with_psnr(const ResultRow& row, const std::string& label) {
  const double psnr = row.figure("psnr");
  return std::isnan(psnr) ? label : fmt::format("{} {:.1f} dB", label, psnr);
}

}  // namespace

ResultAssembly::ResultAssembly(const RunPlan& plan, const ItemSource& source) : plan_(plan) {
  result_.set.range = source.header().range;
  const ResultColumns::Options options{.keep_samples = plan.options.keep_samples};
  for (const auto& baseline : plan.baselines) columns_.emplace_back(baseline.name, source.image(), options);
  columns_.emplace_back(plan.main.name, source.image(), options);
}

bool ResultAssembly::solved(const ItemGroup&, std::size_t, const std::vector<ItemOutcome>& outcomes) {
  return outcomes.front().result.has_value();
}

void ResultAssembly::done(const ItemGroup& group, std::vector<std::vector<ItemOutcome>> outcomes) {
  std::vector<ItemOutcome> methods;
  for (auto& outcome : outcomes) {
    if (outcome.front().error) return add_failed(group.ids.front(), *outcome.front().error);
    methods.push_back(std::move(outcome.front()));
  }
  if (methods.size() == columns_.size()) add(*group.items.front(), methods);
}

void ResultAssembly::add(const PreparedItem& item, const std::vector<ItemOutcome>& methods) {
  result_.set.ids.push_back(item.id);
  for (std::size_t i = 0; i < methods.size(); ++i) {
    columns_[i].add(methods[i]);
    for (const auto& row : methods[i].result->rows) {
      result_.interrupted = result_.interrupted || row.status == to_string(Outcome::stopped_early);
      result_.rows.push_back(row);
    }
  }
  const std::string& status = methods.back().result->rows.front().status;
  result_.misfits += status == misfit_status ? 1U : 0U;
  result_.diverged += status == to_string(Outcome::diverged) ? 1U : 0U;
  if (static_cast<std::int64_t>(result_.set.ids.size()) <= plan_.options.preview_items) add_tiles(item, methods);
}

void ResultAssembly::add_failed(const std::string& id, const Error& error) {
  log::warn("item {} failed: {}", id, error.what());
  if (!first_fault_) first_fault_ = error;
  ++result_.failed;
  ResultRow row{.id = id, .solver = plan_.main.name};
  row.status = "failed";
  row.error = error.what();
  result_.rows.push_back(std::move(row));
}

void ResultAssembly::add_tiles(const PreparedItem& item, const std::vector<ItemOutcome>& methods) {
  std::vector<PanelTile> tiles;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    const MethodResult& method = *methods[i].result;
    tiles.push_back({with_psnr(method.rows.front(), columns_[i].solver()), method.x, item.range});
  }
  const MethodResult& main = *methods.back().result;
  if (main.std.defined()) {
    const at::Tensor map = main.std.mean(0, true);
    const double top = map.max().item<double>();
    tiles.back().label =
        with_psnr(main.rows.front(),
                  columns_.back().solver() + (plan_.options.select == Selection::mean ? " mean" : " best fit"));
    tiles.push_back({fmt::format("std, yellow {:.3g}", top), map, {0, std::max(top, 1e-30)}, Colormap::inferno});
    if (main.anomaly.defined()) {
      const at::Tensor blocks = block_average(main.anomaly);
      const double most = std::max(blocks.max().item<double>(), 1e-30);
      tiles.push_back({fmt::format("anomaly, yellow {:.3g}", most), blocks, {0, most}, Colormap::inferno});
    }
  }
  if (item.ground_truth.defined()) tiles.push_back({"truth", in_window(item.ground_truth[0], *item.op), item.range});
  result_.tiles_per_item = static_cast<int>(tiles.size());
  result_.tiles.insert(result_.tiles.end(), tiles.begin(), tiles.end());
}

ReconstructionResult ResultAssembly::finish() {
  if (!result_.set.ids.empty()) {
    result_.set.main = columns_.back().results();
    for (std::size_t i = 0; i + 1 < columns_.size(); ++i) {
      result_.set.baselines[columns_[i].solver()] = columns_[i].results();
    }
  }
  return std::move(result_);
}

}  // namespace recon
