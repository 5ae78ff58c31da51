#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "recon/core/run_controls.h"
#include "recon/pipeline/items/item_source.h"
#include "recon/pipeline/solve/item_runner.h"
#include "recon/pipeline/solve/method_result.h"

namespace recon {

/// Items that go through the engine together, each read or with the reason why it could not be.
struct ItemGroup {
  std::size_t number = 0;
  bool continues = false;  ///< its series has begun in the group before
  std::vector<std::string> ids;
  std::vector<std::optional<PreparedItem>> items;
  std::vector<std::optional<Error>> errors;

  /// Reads one more item. Bad data become its error; faults of the config are thrown.
  void read(ItemSource& source, std::int64_t index, c10::Device device);
};

/// Where groups come from.
class ItemGroups {
 public:
  virtual ~ItemGroups() = default;
  virtual std::optional<ItemGroup> next() = 0;  ///< nothing: that was all
};

/// The wanted items of one source, one by one, `series` in a row being one series.
class SingleItems final : public ItemGroups {
 public:
  SingleItems(ItemSource& source, std::vector<std::int64_t> wanted, c10::Device device, std::int64_t series = 1)
      : source_(source), wanted_(std::move(wanted)), device_(device), series_(static_cast<std::size_t>(series)) {}
  std::optional<ItemGroup> next() override;

 private:
  ItemSource& source_;
  std::vector<std::int64_t> wanted_;
  c10::Device device_;
  std::size_t series_;
  std::size_t done_ = 0;
};

/// One of the methods that every item goes through.
struct Method {
  ItemRunner runner;
  std::int64_t samples = 1;  ///< counts for solvers that sample only
  std::int64_t trace_every = 0;
  /// Items of a series one after the other: each may begin where the last one that was solved has ended.
  bool in_series = false;
  /// Sets the solver up for an item before it solves it alone, and says what it did; null: nothing to set.
  std::function<std::string(const PreparedItem& item)> tune = nullptr;
};

/// Where results go.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  virtual void begin(const ItemGroup&) {}
  /// One method is through with a group; false: the others need not see it.
  virtual bool solved(const ItemGroup&, std::size_t /*method*/, const std::vector<ItemOutcome>&) { return true; }
  /// The outcomes by method and item: of fewer than all methods when the run was cancelled or the sink wanted no more.
  virtual void done(const ItemGroup& group, std::vector<std::vector<ItemOutcome>> outcomes) = 0;
};

/// Where the time of solving went, in seconds.
struct SolvingTime {
  double network = 0, operators = 0, solver = 0;  ///< solver: its own arithmetic
  double evaluation = 0;                          ///< metrics, chi², mean and std of the samples, their way to the CPU
};

struct EngineOptions {
  std::uint64_t seed = 0;
  std::string label = "item";  ///< before an item's id, for people
  enum class Contained {
    data,       ///< an item with bad data fails alone; faults of the config are thrown
    everything  ///< whatever a solver throws is its own failure: the others are not to suffer from it
  } contained = Contained::data;
  bool finish_groups = false;  ///< cancellation does not stop solves: the source of groups looks at it
  std::int64_t memory = 0;     ///< bytes that the process may take, for Controls
  bool log_warnings = true;    ///< false: a line per item would bury the others
};

/// Items x methods -> sink: the one loop of `recon run`, `compare` and `batch`. The numbers depend on items, methods
/// and seed only, not on who else is in the run.
class Engine {
 public:
  Engine(EngineOptions options, const RunControls& controls) : options_(std::move(options)), controls_(controls) {}

  /// Until there are no more groups, or the token is cancelled: the running solve stops after its step and is kept with
  /// status stopped_early.
  void run(ItemGroups& groups, const std::vector<Method>& methods, ResultSink& sink);
  /// One outcome per item. Items that share their operator and need no whitening go through the solver together, the
  /// others one by one. When a joint solve is refused for its data, or has no memory for what follows it, its items are
  /// solved one by one. An item that does not fit even alone is the item's failure (OutOfMemory).
  std::vector<ItemOutcome> solve(const ItemGroup& group, const Method& method);
  const SolvingTime& time() const { return time_; }

 private:
  bool cancelled() const { return !options_.finish_groups && controls_.cancelled(); }
  std::vector<ItemOutcome> solve_series(const ItemGroup& group, const Method& method);
  std::vector<MethodResult> solve_joined(const std::vector<PreparedItem>& items, const Method& method,
                                         const std::optional<PreviousItem>& previous = std::nullopt);
  ItemOutcome solve_alone(const PreparedItem& item, const Method& method,
                          const std::optional<PreviousItem>& previous = std::nullopt);
  void log_warnings(const ItemGroup& group, const Method& method, const std::vector<ItemOutcome>& outcomes);

  EngineOptions options_;
  const RunControls& controls_;
  SolvingTime time_;
  std::size_t misfits_told_ = 0;
  std::map<const Method*, PreviousItem> ended_;  ///< where the last item of the running series has
  std::map<const Method*, std::int64_t> at_once_;  ///< entries that fit into memory, where that was found out
};

}  // namespace recon
