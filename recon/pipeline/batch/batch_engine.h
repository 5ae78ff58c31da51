#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recon/core/run_controls.h"
#include "recon/pipeline/batch/batch_assembly.h"
#include "recon/pipeline/batch/batch_plan.h"
#include "recon/pipeline/batch/batch_store.h"
#include "recon/pipeline/batch/ranks.h"

namespace recon {

/// What this process is to do of a batch.
struct BatchTask {
  Ranks ranks = {};
  Shard shard = {};
  bool merge_only = false;  ///< assemble what the shards have done
  BatchStore::Mode mode = BatchStore::Mode::resume;
  /// What happens, one object with "event" each:
  ///   opened    items, batches, batches_done, rank, ranks, pid
  ///   computing batch, items (ids)
  ///   item      batch, id, status, the figures that are known (figures.h), error (where there is one)
  ///   durable   batch, items, batches_done (by all processes), rss_mib: from here on the batch survives anything
  ///   waiting   for batches that other processes are computing
  ///   assembling done, of
  /// Called from several threads, one at a time.
  std::function<void(const nlohmann::ordered_json& event)> on_event = nullptr;
};

/// Where the time of this process went, in seconds.
struct BatchProfile {
  double opening = 0;  ///< inputs, hashes, prior, folder
  SolvingTime solving;
  double waiting_for_data = 0, waiting_for_disk = 0;  ///< of the computing thread for the reading and the writing one
  double waiting_for_others = 0;
  double assembling = 0;
  double total = 0;
};

struct BatchResult {
  BatchOutput output;
  Shard shard;                ///< of the batches, that this process computed; see BatchStore::why_no_locks()
  bool complete = false;      ///< the output is there
  bool was_complete = false;  ///< and was before
  bool interrupted = false;
  std::size_t items = 0, batches = 0, batches_done = 0;
  std::size_t computed = 0, failed = 0, misfits = 0;  ///< items of this process
  BatchSummary summary;                               ///< where complete
  std::vector<SkippedInput> skipped;                  ///< files that were left out
  BatchProfile profile;
};

/// Reconstructs the items of the plan's inputs into one result file, or one of every shape (open_batch_works()), and
/// resumes where an earlier run was stopped or killed. One result per file.
///
/// A thread reads the next batch and another writes the last one while this one computes. Memory holds about three
/// batches, whatever the size of the inputs. Every finished batch is durable before it counts (BatchStore); rank 0 (or
/// the only process) assembles the output when all are done, the others help until then. A shard leaves that to
/// merge_only. An item that fails is recorded and the rest goes on. When the token is cancelled the running batch is
/// finished.
std::vector<BatchResult> run_batch(const BatchPlan& plan, const BatchTask& task, const RunControls& controls);

/// What decides the numbers of a run: the config without its output, hashes of inputs, operators and prior, program.
nlohmann::ordered_json batch_identity(const BatchPlan& plan, const BatchWork& work, const std::string& prior_hash);

}  // namespace recon
