#include "recon/pipeline/batch/batch_solver.h"

#include <ATen/ATen.h>

#include <cmath>

#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/solvers/stopwatch.h"

namespace recon {
namespace {

constexpr std::size_t most_told = 10;
constexpr const char* diverged_text = "the iterate became NaN or infinite; the image is the last finite one";

/// One tensor per item, NaN where an item has none; undefined when no item has one.
at::Tensor column(const std::vector<ItemOutcome>& outcomes, const std::function<at::Tensor(const MethodResult&)>& of) {
  std::vector<at::Tensor> rows;
  at::Tensor like;
  for (const auto& outcome : outcomes) {
    rows.push_back(outcome.result ? of(*outcome.result) : at::Tensor());
    if (rows.back().defined()) like = rows.back();
  }
  if (!like.defined()) return {};
  for (auto& row : rows) {
    if (!row.defined()) row = at::full_like(like, NAN);
  }
  return at::stack(rows);
}

/// Sets the metrics of item `i` that are known; those of the items before it that lack one are NaN.
void add_metrics(SolverResults& results, const MethodResult& method, std::size_t i) {
  const auto add = [&](const std::string& name, double value) {
    if (std::isnan(value)) return;
    auto& values = results.metrics[name];
    values.resize(i, NAN);
    values.push_back(value);
  };
  const ResultRow& row = method.rows.front();
  add("psnr", row.psnr);
  add("ssim", row.ssim);
  add("nrmse", row.nrmse);
  add("crps", row.crps);
  add("imagined_share", row.prior_fraction);
  if (const auto& found = method.uncertainty.calibration) {
    for (std::size_t k = 0; k < found->nominal.size(); ++k) {
      add(fmt::format("coverage_{:.0f}", 100 * found->nominal[k]), found->covered[k]);
    }
  }
}

void add_figures(SolverResults& results, const ItemOutcome& outcome, std::size_t i, const std::string& device) {
  ResultRow row;
  row.status = "failed";
  if (outcome.result) row = outcome.result->rows.front();
  results.chi2.push_back(row.chi2);
  results.status.push_back(row.status);
  results.nfe_forward.push_back(row.nfe_forward);
  results.nfe_backward.push_back(row.nfe_backward);
  results.seconds.push_back(row.seconds);
  results.peak_mib.push_back(row.peak_mib);
  results.error.push_back(row.status == to_string(Outcome::diverged) ? diverged_text : outcome.error);
  results.device.push_back(device);
  if (outcome.result) add_metrics(results, *outcome.result, i);
}

}  // namespace

BatchSolver::BatchSolver(const BatchPlan& plan, BatchWork& work, PriorPtr prior, c10::Device device)
    : plan_(plan),
      work_(work),
      device_(device),
      runner_(plan.main, std::move(prior), plan.item_options.complex_image, plan.item_options.location_of_complex_image,
              {.selection = selection_from(plan.options.select), .maps = plan.batch.maps}) {}

LoadedBatch BatchSolver::load(std::size_t number) {
  LoadedBatch loaded{.number = number, .items = {}, .errors = {}};
  for (const auto& item : work_.items_of(number)) {
    loaded.items.emplace_back();
    loaded.errors.emplace_back();
    try {
      loaded.items.back() = work_.inputs[item.input].source.prepare(item.index, device_);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      loaded.errors.back() = error.what();
    }
  }
  return loaded;
}

std::vector<MethodResult> BatchSolver::solve_group(const std::vector<PreparedItem>& group, const Controls& controls) {
  double seconds = 0;
  std::vector<MethodResult> results;
  {
    const Stopwatch watch(device_, seconds);
    results = runner_.run_joined(group, plan_.options.samples, controls);
  }
  double solving = 0;
  for (const auto& result : results) {
    const Report& report = result.report;
    const double network = report.seconds_network_forward + report.seconds_network_backward;
    time_.network += network;
    time_.operators += report.seconds_operator;
    time_.solver += report.seconds - network - report.seconds_operator;
    solving += report.seconds;
    const ResultRow& row = result.rows.front();
    // Of thousands of items the first few tell what is wrong; all are counted at the end.
    const bool loud = row.status == misfit_status && ++misfits_ <= most_told;
    for (const auto& warning : result.warnings) {
      loud ? log::warn("item {}: {}", row.id, warning) : log::debug("item {}: {}", row.id, warning);
    }
  }
  time_.evaluation += seconds - solving;
  return results;
}

SolverResults BatchSolver::solve(const LoadedBatch& batch, std::uint64_t seed, const ProgressObserver& observer) {
  const Controls controls{.seed = seed, .observer = observer};
  std::vector<ItemOutcome> outcomes(batch.items.size());
  const auto solve_alone = [&](std::size_t item) {
    try {
      outcomes[item].result = solve_group({*batch.items[item]}, controls).front();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      outcomes[item].error = error.what();
    }
  };
  for (std::size_t begin = 0, end = 0; begin < batch.items.size(); begin = end) {
    std::vector<PreparedItem> group;
    std::vector<std::size_t> members;
    for (end = begin; end < batch.items.size(); ++end) {
      if (!batch.items[end]) {
        outcomes[end].error = batch.errors[end];
        continue;
      }
      if (!group.empty() && !ItemRunner::joinable(group.front(), *batch.items[end])) break;
      group.push_back(*batch.items[end]);
      members.push_back(end);
    }
    if (members.size() <= 1) {
      for (const std::size_t item : members) solve_alone(item);
      continue;
    }
    try {
      auto results = solve_group(group, controls);
      for (std::size_t i = 0; i < members.size(); ++i) outcomes[members[i]].result = std::move(results[i]);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      for (const std::size_t item : members) solve_alone(item);  // to learn which one it is
    }
  }
  return collected(outcomes);
}

SolverResults BatchSolver::collected(const std::vector<ItemOutcome>& outcomes) const {
  SolverResults results;
  results.solver = plan_.main.name;
  results.reconstructions = column(outcomes, [](const MethodResult& item) { return item.x; });
  if (!results.reconstructions.defined()) {
    const TensorSpec& image = work_.inputs.front().source.image();
    Shape shape = image.shape;
    shape.insert(shape.begin(), static_cast<std::int64_t>(outcomes.size()));
    results.reconstructions =
        at::full(shape, NAN, image.scalar == ScalarKind::complex ? at::kComplexFloat : at::kFloat);
  }
  results.std = column(outcomes, [](const MethodResult& item) { return item.std; });
  if (plan_.options.keep_samples) {
    results.samples = column(outcomes, [](const MethodResult& item) { return item.samples; });
  }
  results.quantiles = column(outcomes, [](const MethodResult& item) { return item.uncertainty.quantiles; });
  results.chi2_map = column(outcomes, [](const MethodResult& item) { return item.uncertainty.chi2_map; });
  results.prior_part = column(outcomes, [](const MethodResult& item) {
    return item.uncertainty.split ? item.uncertainty.split->prior_part : at::Tensor();
  });
  for (std::size_t i = 0; i < outcomes.size(); ++i) add_figures(results, outcomes[i], i, device_.str());
  for (auto& [name, values] : results.metrics) values.resize(outcomes.size(), NAN);
  return results;
}

}  // namespace recon
