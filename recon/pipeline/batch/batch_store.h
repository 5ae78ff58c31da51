#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data/claim_file.h"
#include "data/result_file.h"

namespace recon {

/// What is on disk of a batch, beside its output OUT:
///
///     OUT                     the result file; appears whole and verified, or not at all
///     OUT.parts/manifest.json what the run is (identity), and which try (generation)
///     OUT.parts/00000012.h5   a finished batch, a result file of its own: durable once it is there
///     OUT.parts/claims        who computes what (data/claim_file.h); empty, it is only locked
///
/// Every file but the last comes by write to a temporary name, fsync, rename and fsync of the folder, so a kill at any
/// time leaves whole files only. Any number of processes, ranks or shards, started together or not, share the folder: a
/// batch is computed by whoever claims it, and the claim of a process that died is free again. The manifest is written
/// before the first part and removed before the first part is: parts without it are rubbish.
class BatchStore {
 public:
  enum class Mode { resume, restart, retry_failed };
  struct Opening {
    Mode mode = Mode::resume;
    /// The same for all processes that one command started (recon/pipeline/batch/ranks.h): the first of them restarts
    /// or retries, the others join. Empty: there is just this one.
    std::string job;
    std::string folder;  ///< where relative paths of the config start; for who verifies OUT
  };
  /// The batches of an earlier OUT in which an item failed.
  using FailedBatches = std::function<std::set<std::size_t>(const ResultFile& earlier)>;

  /// `identity` is all that decides the numbers. Throws Error(usage) saying what differs when OUT or the parts belong
  /// to another run, or when a restart finds others at work; Error(data) where it cannot write.
  BatchStore(std::filesystem::path output, const nlohmann::ordered_json& identity, std::size_t batches,
             const Opening& opening, const FailedBatches& failed_batches);

  std::size_t batches() const { return batches_; }
  /// OUT holds this run's result: there is nothing left to do.
  bool finished() const { return finished_; }
  std::string part_path(std::size_t batch) const;
  bool is_done(std::size_t batch) const;
  std::size_t count_done() const;  ///< reads the folder once
  bool has_part(std::size_t batch) const;
  /// Batches without a part lie in OUT, the result of the try before; null where every batch has a part.
  const ResultFile* earlier() const { return earlier_ ? &*earlier_ : nullptr; }

  /// Why the file system keeps processes from excluding each other (ClaimFile); empty: it does not. Each of them has to
  /// be given batches of its own then.
  const std::string& why_no_locks() const { return claims_->why_no_locks(); }

  /// Claims a batch that is not done; false when it is done, claimed by another process, or when another process has
  /// finished the whole run since (finished() says so then). A thousand ranks come by the batches of each other at the
  /// end: what they find done is looked up in one listing of the folder now and then, not file by file.
  bool claim(std::size_t batch);
  void release(std::size_t batch) { claims_->release(claim_number(batch)); }

  /// For the one who assembles: waits for its turn; false when OUT was finished meanwhile.
  bool begin_assembly();
  void leave_assembly();  ///< when nothing came of it
  /// After OUT is in place: removes the parts.
  void end_assembly();

  const std::filesystem::path& output() const { return output_; }
  /// The manifest as OUT is to carry it.
  std::string manifest_text() const { return manifest_.dump(); }

  /// The folder of the parts of a batch with this output.
  static std::filesystem::path parts_of(const std::filesystem::path& output) { return output.string() + ".parts"; }
  /// The manifest in a folder of parts; nothing where there is none. Throws Error(data) for what is none of a batch.
  static std::optional<nlohmann::ordered_json> manifest_in(const std::filesystem::path& folder);
  /// The manifest in a result file; nothing when it is no batch's.
  static std::optional<nlohmann::ordered_json> manifest_of(const std::filesystem::path& result);

 private:
  bool was_seen_done(std::size_t batch);
  static std::int64_t claim_number(std::size_t batch) { return static_cast<std::int64_t>(batch) + 2; }
  void open_folder();
  void open_manifest(const Opening& opening, const FailedBatches& failed_batches);
  void open_parts(const nlohmann::ordered_json& manifest, const Opening& opening);
  void open_output(const Opening& opening, const FailedBatches& failed_batches);
  void restart(const std::optional<nlohmann::ordered_json>& there, const Opening& opening);
  void begin_try(std::int64_t generation, const std::set<std::size_t>& redo, const Opening& opening);
  void write_manifest();
  void remove_failed_parts();
  bool is_new() const;  ///< nothing but the claims is in it
  void empty_folder();
  void remove_folder();
  bool output_is_try_of(const nlohmann::ordered_json& manifest) const;

  std::filesystem::path output_, folder_;
  std::size_t batches_;
  nlohmann::ordered_json identity_, manifest_;
  std::set<std::size_t> redo_;
  std::vector<bool> seen_done_;         ///< parts that were there once; nobody takes one away while a run lasts
  std::size_t looks_ = 0, listed_ = 0;  ///< at parts that were done, since the last listing; in that listing
  std::optional<ResultFile> earlier_;
  std::unique_ptr<ClaimFile> claims_;
  std::atomic<bool> finished_ = false;
};

/// The places at which two identities differ, with both values: "solver.steps was 10, is 20; ...".
std::string differences(const nlohmann::ordered_json& was, const nlohmann::ordered_json& is);

}  // namespace recon
