#include "recon/pipeline/batch/batch_verification.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "data/result_file.h"
#include "recon/core/error.h"
#include "recon/pipeline/batch/batch_engine.h"
#include "recon/pipeline/items/prior_option.h"

namespace recon {
namespace {

/// `count` different numbers below `total`.
std::set<std::int64_t> drawn(std::int64_t count, std::int64_t total, std::uint64_t seed) {
  const Rng rng(seed, "verify");
  std::set<std::int64_t> chosen;
  for (std::uint32_t draw = 0; static_cast<std::int64_t>(chosen.size()) < std::min(count, total); ++draw) {
    const double u = rng.uniform({{0, draw}}, 0, {{1}, ScalarKind::real}).item<double>();
    chosen.insert(static_cast<std::int64_t>(u * static_cast<double>(total)));
  }
  return chosen;
}

BatchVerification::Item compared(const std::string& id, const at::Tensor& was, const at::Tensor& is, bool failed_then,
                                 bool failed_now) {
  BatchVerification::Item item{.id = id};
  if (failed_then || failed_now) {
    item.same_bits = failed_then == failed_now;
    item.difference = item.same_bits ? 0 : INFINITY;
    return item;
  }
  const double scale = std::max(was.abs().max().item<double>(), 1e-30);
  item.difference = (was - is).abs().max().item<double>() / scale;
  item.same_bits = at::equal(was, is);
  return item;
}

}  // namespace

double BatchVerification::largest() const {
  double largest = 0;
  for (const auto& item : items) largest = std::max(largest, item.difference);
  return largest;
}

BatchVerification verify_batch(const std::string& path, std::int64_t count, std::uint64_t seed, c10::Device device,
                               const std::vector<std::string>& overrides) {
  const ResultFile result = ResultFile::open(path);
  const auto manifest = BatchStore::manifest_of(path);
  if (!manifest) throw data_error(path, "no batch made it; only the results of `recon batch` can be verified");
  Config config = Config::from_text(result.header().config, path + " config", manifest->value("folder", ""));
  for (const auto& assignment : overrides) config.set(assignment);
  BatchPlan plan = read_batch_plan(config, std::nullopt);
  std::vector<BatchWork> works = open_batch_works(plan);
  require_precision(*plan.options.precision, device);
  const auto own =
      std::find_if(works.begin(), works.end(), [&](const BatchWork& work) { return work.ids == result.header().ids; });
  BatchWork& work = own == works.end() ? works.front() : *own;
  const bool needs_prior = plan.main.traits.needs_prior;
  const std::string prior_hash = needs_prior ? hash_of_prior(plan.prior) : "";
  nlohmann::ordered_json was = (*manifest)["identity"], is = batch_identity(plan, work, prior_hash);
  BatchVerification verification;
  if (was["program"] != is["program"]) {
    verification.remarks = fmt::format("computed by recon {}, verified by {}", was["program"].get<std::string>(),
                                       is["program"].get<std::string>());
  }
  was["config"].erase("input");  // it may lie elsewhere: its hash counts
  is["config"].erase("input");
  for (auto* identity : {&was, &is}) {
    identity->erase("program");
    for (auto& input : (*identity)["inputs"]) input.erase("name");
  }
  if (was != is || work.ids != result.header().ids) {
    throw data_error(path, "cannot be verified, it was made from something else: {}",
                     was != is ? differences(was, is) : "the ids of the items differ");
  }
  std::map<std::size_t, std::vector<std::int64_t>> wanted;  // items by batch
  std::size_t batch = 0;
  for (const std::int64_t item : drawn(count, result.count(), seed)) {
    while (item >= work.batches[batch].first + work.batches[batch].count) ++batch;
    wanted[batch].push_back(item);
  }
  const Method method = batch_method(
      plan, work, needs_prior ? open_prior(plan.prior, *plan.options.precision, plan.options.memory.bytes()) : nullptr);
  const RunControls controls{.device = device};
  EngineOptions options = batch_engine_options(plan);
  options.seed = result.header().seed;
  Engine engine(options, controls);
  for (const auto& [number, items] : wanted) {
    const auto [first, count_of_batch] = work.batches[number];
    const SolverResults then = result.rows(first, count_of_batch);
    const SolverResults now = batch_rows(plan, work, engine.solve(work.load(number, device), method), device);
    for (const std::int64_t item : items) {
      const auto k = static_cast<std::size_t>(item - first);
      verification.items.push_back(compared(work.ids[static_cast<std::size_t>(item)],
                                            then.reconstructions[item - first], now.reconstructions[item - first],
                                            then.status[k] == "failed", now.status[k] == "failed"));
    }
  }
  return verification;
}

}  // namespace recon
