// recon batch: reconstruct every item of many files, whatever happens to the process.
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <thread>

#include "recon/commands/batch_progress.h"
#include "recon/commands/batch_watching.h"
#include "recon/commands/verb_setup.h"
#include "recon/core/cuda_backend.h"
#include "recon/core/device.h"
#include "recon/core/error.h"
#include "recon/pipeline/batch/batch_engine.h"
#include "recon/pipeline/batch/batch_verification.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

/// One GPU per rank of the machine, unless the user named one.
std::string device_of(const std::string& wanted, const Ranks& ranks) {
  const bool open = wanted == "auto" || wanted == "cuda";
  if (ranks.local_size == 1 || !open || (wanted == "auto" && !why_no_cuda().empty())) return wanted;
  return fmt::format("cuda:{}", ranks.local_rank % std::max(cuda_backend().device_count(), 1));
}

/// The cores shared among the ranks of the machine, unless the user gave a number.
void share_threads(const GlobalOptions& options, const Ranks& ranks) {
  if (options.threads > 0 || ranks.local_size == 1) return;
  at::set_num_threads(std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / ranks.local_size));
}

ordered_json json_of(const BatchProfile& profile) {
  return {{"total", profile.total},
          {"opening", profile.opening},
          {"network", profile.solving.network},
          {"operator", profile.solving.operators},
          {"solver", profile.solving.solver},
          {"evaluation", profile.solving.evaluation},
          {"waiting_for_data", profile.waiting_for_data},
          {"waiting_for_disk", profile.waiting_for_disk},
          {"waiting_for_others", profile.waiting_for_others},
          {"assembling", profile.assembling}};
}

ordered_json json_of(const std::vector<SkippedInput>& skipped) {
  ordered_json list = ordered_json::array();
  for (const auto& input : skipped) list.push_back({{"name", input.name}, {"reason", input.reason}});
  return list;
}

std::string text_of(const BatchProfile& profile) {
  const auto share = [&](double seconds) { return 100 * seconds / std::max(profile.total, 1e-9); };
  return fmt::format(
      "time:    {:.1f} s: network {:.1f} %, operator {:.1f} %, solver {:.1f} %, evaluation {:.1f} %,\n"
      "         opening {:.1f} %, waiting for data {:.1f} %, for the disk {:.1f} %, for others {:.1f} %,\n"
      "         assembling {:.1f} %\n",
      profile.total, share(profile.solving.network), share(profile.solving.operators), share(profile.solving.solver),
      share(profile.solving.evaluation), share(profile.opening), share(profile.waiting_for_data),
      share(profile.waiting_for_disk), share(profile.waiting_for_others), share(profile.assembling));
}

class BatchVerb final : public Verb {
 public:
  const char* name() const override { return "batch"; }
  const char* summary() const override { return "Reconstruct every item of many files; may be killed and goes on"; }
  const char* examples() const override {
    return R"(CONFIG is a YAML file: `input` (files, patterns, datasets of your own, see recon/docs/own_files.md),
`output.path`, `batch.size`, and `solver`, `prior`, `samples`, ... as for `recon run`. What is done lies in the folder
OUTPUT.parts until all is; the same command again goes on after a kill, a full disk or Ctrl-C. Under
mpirun or srun the ranks share the work, --threads and the GPUs of a machine; several processes started
by hand with the same config do so, too. Items that fail are recorded and the others go on.

Examples:
  recon batch configs/batch/demo.yaml
  recon batch batch.yaml --set 'input=scans/*.h5' --set output.path=all.h5 --set batch.size=16
  recon batch batch.yaml --retry-failed         only the batches in which an item failed
  mpirun -n 4 recon batch batch.yaml
  recon batch batch.yaml --shard auto           a job of an array (or 2/8, by hand), then, after the last:
  recon batch batch.yaml --merge
  recon batch --verify all.h5 --count 5         compute five items again and compare
  recon batch --watch all.h5                    look at a batch that other processes or machines compute
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("CONFIG", config_, "Config (YAML)");
    shortcuts_.add_to(app, {"noise_std", "solver", "steps", "prior", "precision", "samples", "items", "output"},
                      {{"output", "output.path"}});
    auto* restart = app.add_flag("--restart", restart_, "Discard what an earlier run has done");
    auto* retry = app.add_flag("--retry-failed", retry_, "Compute again the batches in which an item failed");
    auto* shard = app.add_option(
        "--shard", shard_,
        "I/N: do the I-th of N parts, and leave the result to --merge; auto: as the scheduler's job array says");
    auto* merge = app.add_flag("--merge", merge_, "Only put together what the shards have done");
    auto* verify = app.add_option("--verify", verify_, "A result of a batch: compute some of its items again, compare");
    auto* watch = app.add_option("--watch", watch_,
                                 "The result that a running batch will have: show how far it is, until it is there; "
                                 "with --json once");
    app.add_option("--count", count_, "Items for --verify")->check(CLI::PositiveNumber)->capture_default_str();
    add_allow_misfit(app, allow_misfit_);
    app.add_option("--tolerance", tolerance_, "Largest relative difference that --verify allows")
        ->capture_default_str();
    restart->excludes(retry)->excludes(shard)->excludes(merge);
    retry->excludes(merge)->excludes(shard);
    merge->excludes(shard);
    for (auto* other : {restart, retry, shard, merge}) verify->excludes(other);
    for (auto* other : {restart, retry, shard, merge, verify}) watch->excludes(other);
  }

  VerbResult execute(const GlobalOptions& options) override {
    if (!verify_.empty()) return verified(options);
    if (!watch_.empty()) return watch_batch(watch_, options.json, options.quiet);
    if (config_.empty()) throw usage_error("batch", "expected a CONFIG, --verify or --watch; see `recon batch --help`");
    const BatchPlan plan = read_batch_plan(config_of(config_, options, shortcuts_), options.seed);
    BatchTask task;
    task.ranks = ranks_from(process_environment());
    task.mode = mode(task.ranks);
    if (!shard_.empty()) task.shard = shard_from(shard_);
    task.merge_only = merge_;
    share_threads(options, task.ranks);
    BatchProgress progress(options.quiet || options.json || task.ranks.rank > 0);
    task.on_event = [&](const ordered_json& event) {
      if (options.json) print_line(event);
      progress.tell(event);
    };
    GlobalOptions here = options;
    here.device = device_of(options.device, task.ranks);
    return reported(task, run_batch(plan, task, controls_of(here, progress)));
  }

 private:
  BatchStore::Mode mode(const Ranks& ranks) const {
    if (!restart_ && !retry_) return BatchStore::Mode::resume;
    if (ranks.size > 1 && ranks.job.empty()) {
      throw usage_error(restart_ ? "--restart" : "--retry-failed",
                        "this launcher does not name its jobs, so every rank would do it; run it once without mpirun, "
                        "stop it, and go on with mpirun");
    }
    return restart_ ? BatchStore::Mode::restart : BatchStore::Mode::retry_failed;
  }

  static void print_line(const ordered_json& object) {
    std::printf("%s\n", object.dump(-1, ' ', false, ordered_json::error_handler_t::replace).c_str());
    std::fflush(stdout);
  }

  VerbResult reported(const BatchTask& task, const std::vector<BatchResult>& results) const {
    VerbResult verb;
    verb.one_line = true;
    ordered_json outputs = ordered_json::array();
    const bool first = task.ranks.rank == 0;
    const auto& skipped = results.front().skipped;
    bool all_done = skipped.empty(), complete = true, interrupted = false;
    for (const BatchResult& result : results) {
      outputs.push_back(output_of(result, first));
      const std::size_t failed = outputs.back()["failed"], misfits = outputs.back()["misfits"];
      complete = complete && result.complete;
      interrupted = interrupted || result.interrupted;
      // Asked in any case: it says so.
      const bool refused = first && refuse_misfits(misfits, allow_misfit_);
      all_done = all_done && failed == 0 && !refused && !result.interrupted && (result.complete || result.shard.of > 1);
      if (first) verb.text += text_of(result, failed);
    }
    if (first && !skipped.empty()) {
      verb.text += fmt::format("skipped: {} files, see the warnings above\n", skipped.size());
    }
    verb.json = {{"event", "end"}, {"rank", task.ranks.rank}, {"skipped", json_of(skipped)}};
    if (outputs.size() == 1) {
      verb.json.update(outputs.front());
    } else {
      verb.json["complete"] = complete;
      verb.json["interrupted"] = interrupted;
      verb.json["outputs"] = outputs;
    }
    // A rank that ends with another code than 0 makes mpirun stop those that still work: only rank 0 tells.
    if (first && !all_done) verb.exit_code = exit_some_failed;
    return verb;
  }

  static ordered_json output_of(const BatchResult& result, bool first) {
    ordered_json means = ordered_json::object();
    for (const auto& [key, mean] : result.summary.means) means[key] = mean;
    const bool whole = result.complete && first;
    return {{"output", result.complete ? ordered_json(result.output.path) : ordered_json(nullptr)},
            {"complete", result.complete},
            {"interrupted", result.interrupted},
            {"items", result.items},
            {"computed", result.computed},
            {"failed", whole ? result.summary.failed : result.failed},
            {"misfits", whole ? result.summary.misfits : result.misfits},
            {"batches", result.batches},
            {"batches_done", result.batches_done},
            {"means", means},
            {"profile", json_of(result.profile)}};
  }

  static std::string text_of(const BatchResult& result, std::size_t failed) {
    std::string text;
    if (result.was_complete) {
      text += "the result is there already, there was nothing to do\n";
    } else if (result.interrupted) {
      text += fmt::format("interrupted: {} of {} batches are done; the same command goes on from here\n",
                          result.batches_done, result.batches);
    } else if (result.shard.of > 1) {
      text +=
          fmt::format("shard {}/{} is done ({} of {} batches in all); after the last one: recon batch ... --merge\n",
                      result.shard.index, result.shard.of, result.batches_done, result.batches);
    } else if (!result.complete) {
      text += fmt::format("{} of {} batches are done; the same command goes on from here\n", result.batches_done,
                          result.batches);
    }
    text += fmt::format("items:   {}, {} computed now, {} failed\n", result.items, result.computed, failed);
    for (const auto& [id, error] : result.summary.first_failures) text += fmt::format("  {}: {}\n", id, error);
    if (result.summary.failed > result.summary.first_failures.size()) {
      text += fmt::format("  and {} more\n", result.summary.failed - result.summary.first_failures.size());
    }
    if (!result.summary.means.empty()) {
      text += "means:  ";
      for (const auto& [name, value] : result.summary.means) text += fmt::format(" {} {:.4g}", name, value);
      text += "\n";
    }
    if (result.computed > 0) text += recon::text_of(result.profile);
    if (!result.complete) return text;
    text += "result:  " + result.output.path + "\n";
    if (!result.output.csv.empty()) text += "table:   " + result.output.csv + "\n";
    if (!result.output.contact_sheet.empty()) text += "picture: " + result.output.contact_sheet + "\n";
    if (!result.output.report.empty()) text += "report:  " + result.output.report + "\n";
    return text;
  }

  VerbResult verified(const GlobalOptions& options) const {
    const BatchVerification found =
        verify_batch(verify_, count_, options.seed.value_or(0), parse_device(options.device), options.set);
    VerbResult verb;
    const bool passed = found.largest() <= tolerance_;
    verb.json = {
        {"passed", passed},
        {"largest_difference", std::isfinite(found.largest()) ? ordered_json(found.largest()) : ordered_json(nullptr)},
        {"tolerance", tolerance_},
        {"remarks", found.remarks},
        {"items", ordered_json::array()}};
    for (const auto& item : found.items) {
      verb.json["items"].push_back({{"id", item.id}, {"difference", item.difference}, {"same_bits", item.same_bits}});
      verb.text += fmt::format("{}  {}  {}\n", item.difference <= tolerance_ ? "ok    " : "FAILED", item.id,
                               item.same_bits ? "the same bits" : fmt::format("differs by {:.3g}", item.difference));
    }
    if (!found.remarks.empty()) verb.text += found.remarks + "\n";
    verb.exit_code = passed ? exit_ok : exit_some_failed;
    return verb;
  }

  std::string config_, shard_, verify_, watch_;
  ConfigShortcuts shortcuts_;
  bool restart_ = false, retry_ = false, merge_ = false, allow_misfit_ = false;
  std::int64_t count_ = 3;
  double tolerance_ = 1e-5;
};

}  // namespace

std::unique_ptr<Verb> make_batch_verb() { return std::make_unique<BatchVerb>(); }

}  // namespace recon
