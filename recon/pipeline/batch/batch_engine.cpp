#include "recon/pipeline/batch/batch_engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <mutex>

#include "data/content_hash.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/core/background_thread.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/core/memory_budget.h"
#include "recon/pipeline/batch/rank_state.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/solve/engine.h"
#include "recon/pipeline/solve/figures.h"
#include "recon/pipeline/solve/result_report.h"
#include "recon/solvers/stopwatch.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

constexpr auto poll_interval = std::chrono::milliseconds(200);

double resident_mib() { return static_cast<double>(resident_bytes()) / 0x1p20; }

}  // namespace

ordered_json batch_identity(const BatchPlan& plan, const BatchWork& work, const std::string& prior_hash) {
  ordered_json config = plan.resolved;
  config.erase("output");
  config.erase("prior");  // its hash counts, not where it lies
  if (!plan.calibration.empty()) config["calibration"] = content_hash_of_file(plan.calibration);
  ordered_json inputs = ordered_json::array();
  for (const auto& input : work.inputs) {
    inputs.push_back({{"name", input.name}, {"hash", input.hash}, {"operator_hash", input.operator_hash}});
  }
  const auto program = versions();
  return {{"config", config},
          {"inputs", inputs},
          {"prior_hash", prior_hash},
          {"program", fmt::format("{} {}", program.at("recon"), program.at("git"))}};
}

namespace {

/// A table or picture of this name that is there before the batch has begun is somebody else's.
void require_own_files(const BatchOutput& output, BatchStore::Mode mode) {
  namespace fs = std::filesystem;
  const bool begun = fs::exists(output.path) || fs::exists(BatchStore::parts_of(output.path));
  if (begun || mode == BatchStore::Mode::restart) return;
  for (const std::string& path : {output.csv, output.contact_sheet, output.report}) {
    if (path.empty() || !fs::exists(path)) continue;
    throw usage_error(path,
                      "the file is there already, but not {}, whose it would be; name another, remove it, or "
                      "replace it with --restart",
                      output.path);
  }
}

/// The batches that nobody else has, read ahead, and the store that their results go to.
class BatchRun final : public ItemGroups, public ResultSink {
 public:
  BatchRun(const BatchPlan& plan, BatchWork work, const BatchTask& task, const RunControls& controls)
      : plan_(plan),
        task_(task),
        shard_(task.shard),
        controls_(controls),
        engine_(batch_engine_options(plan, task.ranks.local_size), controls),
        work_(std::move(work)) {
    result_.shard = shard_;
    const Stopwatch timer(result_.profile.opening);
    result_.output = work_.output;
    result_.skipped = work_.skipped;
    const bool needs_prior = plan.main.traits.needs_prior;
    if (needs_prior) prior_hash_ = hash_of_prior(plan.prior);
    if (!task.merge_only) require_precision(*plan.options.precision, controls.device);
    require_own_files(work_.output, task.mode);
    store_ = std::make_unique<BatchStore>(
        work_.output.path, batch_identity(plan, work_, prior_hash_), work_.batches.size(),
        BatchStore::Opening{.mode = task.mode, .job = task.ranks.job, .folder = plan.folder},
        [this](const ResultFile& earlier) { return failed_batches(earlier, work_); });
    state_writer_ = std::make_unique<RankStateWriter>(BatchStore::parts_of(work_.output.path));
    const bool computes = !store_->finished() && !task.merge_only;
    if (computes)
      methods_.push_back(batch_method(plan, work_,
                                      needs_prior ? open_prior(plan.prior, *plan.options.precision,
                                                               plan.options.memory.bytes(task.ranks.local_size))
                                                  : nullptr));
    if (!store_->why_no_locks().empty()) share_statically();
    for (std::size_t batch = shard_.index - 1; batch < store_->batches(); batch += shard_.of) todo_.push_back(batch);
    // Each rank begins at a place of its own, so that they meet, and try each other's locks, at the end only.
    const auto rank = static_cast<std::size_t>(task.ranks.rank), ranks = static_cast<std::size_t>(task.ranks.size);
    if (shard_.of == 1) {
      std::rotate(todo_.begin(), todo_.begin() + static_cast<std::ptrdiff_t>(todo_.size() * rank / ranks), todo_.end());
    }
  }

  BatchResult run() {
    {
      const Stopwatch timer(result_.profile.total);
      run_all();
    }
    result_.profile.total += result_.profile.opening;
    return result_;
  }

  std::optional<ItemGroup> next() override;
  void begin(const ItemGroup& group) override;
  void done(const ItemGroup& group, std::vector<std::vector<ItemOutcome>> outcomes) override;

 private:
  void run_all() {
    result_.was_complete = store_->finished();
    result_.items = work_.ids.size();
    result_.batches = store_->batches();
    tell({{"event", "opened"},
          {"items", result_.items},
          {"batches", result_.batches},
          {"batches_done", done_ = store_->count_done()},
          {"rank", task_.ranks.rank},
          {"ranks", task_.ranks.size},
          {"pid", ::getpid()}});
    if (!methods_.empty()) {
      engine_.run(*this, methods_, *this);
      if (reading_.valid()) reading_.wait();
      finish_writing();
    }
    if (assembles() && !controls_.cancelled()) assemble();
    result_.interrupted = controls_.cancelled() && !store_->finished();
    result_.profile.solving = engine_.time();
    result_.batches_done = store_->count_done();
    result_.complete = store_->finished();
    if (result_.complete && assembles()) report();
  }

  bool assembles() const { return task_.ranks.rank == 0 && shard_.of == 1; }
  /// Where nothing can be claimed: the ranks of a start know their places, which are as good as those of a job array.
  void share_statically() {
    const Ranks& ranks = task_.ranks;
    if (shard_.of == 1 && ranks.size > 1) {
      shard_ = {.index = static_cast<std::size_t>(ranks.rank) + 1, .of = static_cast<std::size_t>(ranks.size)};
    }
    result_.shard = shard_;
    if (ranks.rank > 0 || task_.merge_only) return;
    log::warn("{}.parts: this file system has no locks ({}): {}", work_.output.path, store_->why_no_locks(),
              shard_.of > 1 ? "each process computes a fixed share of the batches; after the last one: --merge"
                            : "give each process a share of its own by --shard");
  }
  void tell(const ordered_json& event) {
    const std::lock_guard lock(telling_);
    if (task_.on_event) task_.on_event(event);
  }

  /// In the reading thread: claims a batch that nobody has and reads it.
  std::optional<ItemGroup> claim_and_load() {
    for (std::size_t tries = todo_.size(); tries > 0; --tries) {
      const std::size_t batch = todo_.front();
      todo_.pop_front();
      if (store_->finished()) break;
      if (store_->claim(batch)) return work_.load(batch, controls_.device);
      if (!store_->is_done(batch)) todo_.push_back(batch);  // somebody computes it, or dies over it
    }
    if (store_->finished()) todo_.clear();
    return std::nullopt;
  }

  void read_ahead() {
    reading_ = reader_.run([this] { return claim_and_load(); });
  }
  void finish_writing();
  void tell_items(const ItemGroup& group, const SolverResults& rows);
  void write(std::size_t batch, const ResultSet& part);
  void assemble();
  void report();
  ResultSet header(const std::vector<std::string>& ids, const std::vector<std::size_t>& inputs) const;

  const BatchPlan& plan_;
  const BatchTask& task_;
  Shard shard_;  ///< the task's, or what it is without locks
  const RunControls& controls_;
  Engine engine_;
  std::vector<Method> methods_;  ///< the one, where this process computes
  BatchWork work_;
  std::string prior_hash_;
  std::unique_ptr<BatchStore> store_;
  std::unique_ptr<RankStateWriter> state_writer_;
  RankState state_;               ///< of this process
  std::deque<std::size_t> todo_;  ///< of the reading thread while it works
  std::size_t done_ = 0;          ///< batches that were on disk when the folder was last read, and own ones since
  std::chrono::steady_clock::time_point count_next_;
  std::mutex telling_;
  BatchResult result_;
  std::future<std::optional<ItemGroup>> reading_;
  std::future<void> writing_;
  BackgroundThread reader_, writer_;  ///< last: they use all of the above until they end
};

void BatchRun::finish_writing() {
  const Stopwatch timer(result_.profile.waiting_for_disk);
  if (writing_.valid()) writing_.get();
}

/// Waits for batches of other processes, too: they may die over them.
std::optional<ItemGroup> BatchRun::next() {
  while (!controls_.cancelled()) {
    if (!reading_.valid()) read_ahead();
    std::optional<ItemGroup> loaded;
    {
      const Stopwatch timer(result_.profile.waiting_for_data);
      loaded = reading_.get();
    }
    if (loaded) {
      // The last batches are left to whoever is free first.
      if (todo_.size() >= static_cast<std::size_t>(task_.ranks.size) && !controls_.cancelled()) read_ahead();
      return loaded;
    }
    finish_writing();
    if (todo_.empty()) break;
    tell({{"event", "waiting"}, {"batches", todo_.size()}});
    const Stopwatch timer(result_.profile.waiting_for_others);
    std::this_thread::sleep_for(poll_interval);
  }
  return std::nullopt;
}

void BatchRun::begin(const ItemGroup& group) {
  tell({{"event", "computing"}, {"batch", group.number}, {"items", group.ids}});
}

void BatchRun::done(const ItemGroup& group, std::vector<std::vector<ItemOutcome>> outcomes) {
  auto part = std::make_shared<ResultSet>(header(group.ids, work_.inputs_of(group.number)));
  part->scale = work_.scale_of(group.number);
  part->main = batch_rows(plan_, work_, outcomes.front(), controls_.device);
  tell_items(group, part->main);
  finish_writing();
  writing_ = writer_.run([this, batch = group.number, part] { write(batch, *part); });
}

void BatchRun::tell_items(const ItemGroup& group, const SolverResults& rows) {
  for (std::size_t i = 0; i < group.ids.size(); ++i) {
    ordered_json event = {{"event", "item"}, {"batch", group.number}, {"id", group.ids[i]}, {"status", rows.status[i]}};
    for (const auto& figure : figures()) {
      const double value = stored_figure(figure, rows, i);
      if (std::isfinite(value)) event[figure.key] = figure.json(value);
    }
    ++result_.computed;
    result_.misfits += rows.status[i] == misfit_status ? 1U : 0U;
    if (!rows.error[i].empty()) {
      ++result_.failed;
      event["error"] = rows.error[i];
    }
    tell(event);
  }
}

/// In the writing thread.
void BatchRun::write(std::size_t batch, const ResultSet& part) {
  state_.rank = task_.ranks.rank;
  if (!part.main.device.empty()) state_.device = part.main.device.front();
  state_.resident_mib = std::round(resident_mib());
  state_.items += part.ids.size();
  for (const double mib : part.main.peak_mib) state_.peak_mib = std::max(state_.peak_mib, mib);
  state_writer_->write(state_);
  write_result_file(store_->part_path(batch), part);
  store_->release(batch);
  ++done_;
  const auto now = std::chrono::steady_clock::now();
  if (now > count_next_) {  // others may have done some
    done_ = store_->count_done();
    // The folder grows with the run: reading it takes a fiftieth of the time at most.
    const auto then = std::chrono::steady_clock::now();
    count_next_ = then + std::max<std::chrono::steady_clock::duration>(std::chrono::seconds(1), 50 * (then - now));
  }
  tell({{"event", "durable"},
        {"batch", batch},
        {"items", part.ids.size()},
        {"batches_done", done_},
        {"rss_mib", state_.resident_mib}});
}

ResultSet BatchRun::header(const std::vector<std::string>& ids, const std::vector<std::size_t>& inputs) const {
  ResultSet set;
  set.ids = ids;
  set.range = work_.inputs.front().source.header().range;
  set.config = to_yaml(plan_.resolved);
  set.seed = static_cast<std::uint64_t>(plan_.options.seed);
  set.versions = versions();
  if (!prior_hash_.empty()) set.prior = plan_.prior;
  set.prior_hash = prior_hash_;
  std::string hashes;
  for (const std::size_t i : inputs) {
    const auto& input = work_.inputs[i];
    set.inputs.push_back({.name = input.name,
                          .hash = input.hash,
                          .operator_config = input.source.header().operator_config,
                          .operator_hash = input.operator_hash});
    hashes += input.hash + "  " + input.name + "\n";
  }
  set.skipped = work_.skipped;
  set.input = inputs.size() == 1 ? set.inputs.front().name : fmt::format("{} files", inputs.size());
  set.input_hash = inputs.size() == 1 ? set.inputs.front().hash : content_hash(hashes);
  set.operator_config = set.inputs.front().operator_config;
  return set;
}

void BatchRun::assemble() {
  // Before the parts are counted: those that another is taking away, who has finished, are not missing.
  if (store_->finished() || !store_->begin_assembly()) return;
  const std::size_t missing = store_->batches() - store_->count_done();
  if (missing > 0) {
    store_->leave_assembly();
    if (task_.merge_only) {
      throw usage_error("--merge",
                        "{} of {} batches are still to be computed (shards that did not run or failed): run "
                        "them, or without --merge",
                        missing, store_->batches());
    }
    return;  // the store of a run that ended while others were at work
  }
  const Stopwatch timer(result_.profile.assembling);
  std::vector<std::size_t> inputs;
  for (std::size_t i = 0; i < work_.inputs.size(); ++i) inputs.push_back(i);
  ResultSet all = header(work_.ids, inputs);
  all.manifest = store_->manifest_text();
  all.scale = work_.scale();
  all.geometry = work_.geometry();
  const bool whole =
      assemble_batch(*store_, work_, all, plan_.output.compression, [&](std::size_t done, std::size_t of) {
        tell({{"event", "assembling"}, {"done", done}, {"of", of}});
        return !controls_.cancelled();
      });
  if (whole) store_->end_assembly();
}

void BatchRun::report() {
  const BatchOutput& output = work_.output;
  const ResultFile file = ResultFile::open(output.path);
  result_.summary = summary_of(file);
  if (!output.csv.empty()) write_batch_csv(output.csv, file);
  if (!output.contact_sheet.empty()) write_contact_sheet(output.contact_sheet, file, output.contact_items);
  if (!output.report.empty()) write_result_report(output.report, file, output.path);
}

}  // namespace

std::vector<BatchResult> run_batch(const BatchPlan& stated, const BatchTask& task, const RunControls& controls) {
  double opening = 0;
  BatchPlan plan = stated;
  std::vector<BatchWork> works;
  {
    const Stopwatch timer(opening);
    works = open_batch_works(plan);
  }
  for (const auto& input : works.front().skipped) {
    if (task.ranks.rank == 0) log::warn("skipped: {}", input.reason);
  }
  std::vector<BatchResult> results;
  for (auto& work : works) results.push_back(BatchRun(plan, std::move(work), task, controls).run());
  results.front().profile.opening += opening;
  results.front().profile.total += opening;
  return results;
}

}  // namespace recon
