#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data/result_set.h"
#include "recon/pipeline/items/opened_input.h"
#include "recon/pipeline/solve/engine.h"
#include "recon/pipeline/solve/solving_options.h"

namespace recon {

/// The section `output` of a batch config. Paths start at the working directory.
struct BatchOutput {
  std::string path = "batch_result.h5";
  std::string csv, contact_sheet, report;
  std::int64_t contact_items = 64;
  std::int64_t compression = 1;

  void visit(ParameterVisitor& v);
};

/// The section `batch`.
struct BatchSection {
  enum class OnError { skip, stop };
  friend constexpr auto words_of(OnError) {
    using enum OnError;
    return std::to_array<Word<OnError>>({{skip, "skip"}, {stop, "stop"}});
  }

  std::int64_t size = 8;
  bool maps = false;
  OnError on_error = OnError::skip;
  bool group_by_shape = false;

  void visit(ParameterVisitor& v);
};

/// A batch config, read and checked.
struct BatchPlan {
  ReconstructionOptions options;
  NamedSolver main;
  YamlNodePtr input;  ///< for open_inputs()
  BatchOutput output;
  BatchSection batch;
  std::string prior;        ///< name, or a path (given with a '/') that starts at the config's folder
  std::string calibration;  ///< an absolute path; empty: none
  ItemOptions item_options;
  std::string folder;  ///< of the config, absolute
  nlohmann::ordered_json resolved;
};

/// `seed` takes the place of the config's. Throws Error(usage) with file:line.
BatchPlan read_batch_plan(const Config& config, std::optional<std::uint64_t> seed);
/// The same of a config that was put together from another one's nodes.
BatchPlan read_batch_plan(const YamlNodePtr& config, std::optional<std::uint64_t> seed);

/// The items of a batch and how they are cut: `size` (or `series`) consecutive items, across files as long as these
/// state the same operator. An item's batch depends on the config and the inputs only, never on who computes it or
/// when, so that its rounding does not either.
struct BatchWork {
  struct Item {
    std::size_t input = 0;   ///< index into inputs
    std::int64_t index = 0;  ///< in that input
  };
  struct Batch {
    std::int64_t first = 0, count = 0;  ///< positions among all items
  };
  std::vector<OpenedInput> inputs;
  std::vector<SkippedInput> skipped;  ///< files that are left out: unreadable, or of other images than most
  std::vector<Item> items;            ///< in the order of the output
  std::vector<std::string> ids;       ///< theirs
  std::vector<Batch> batches;

  BatchOutput output;  ///< where this one's results go

  std::vector<Item> items_of(std::size_t batch) const;
  std::vector<std::string> ids_of(std::size_t batch) const;
  std::vector<double> scale_of(std::size_t batch) const;  ///< of each item; empty where all are 1
  std::vector<double> scale() const;                      ///< of all
  /// Where the images lie, of items of one file that says it.
  std::optional<ImageGeometry> geometry() const;
  std::vector<std::size_t> inputs_of(std::size_t batch) const;  ///< each once, ascending
  /// Reads a batch. An item with bad data has its error; faults of the config are thrown.
  ItemGroup load(std::size_t batch, c10::Device device);
};

/// Opens the inputs and chooses and cuts the items. A result file holds images of one shape, field and range. Files
/// with others than most are skipped, as are files that cannot be read, or with `on_error: stop` an Error. With
/// `group_by_shape` every kind of images is a work of its own, whose outputs are named by the shape where there are
/// several. Settles the plan's `solver: auto`. Throws Error(usage) for unknown ids.
std::vector<BatchWork> open_batch_works(BatchPlan& plan);

/// How every batch is solved; `prior` may be null for a solver that needs none.
Method batch_method(const BatchPlan& plan, const BatchWork& work, const PriorPtr& prior);
/// What the engine is to do with batches: an item with bad data fails alone, and a batch that was begun is finished.
/// `processes` share the memory of the machine.
EngineOptions batch_engine_options(const BatchPlan& plan, std::int64_t processes = 1);
/// The outcomes of one batch as rows of the result file.
SolverResults batch_rows(const BatchPlan& plan, const BatchWork& work, const std::vector<ItemOutcome>& outcomes,
                         c10::Device device);

}  // namespace recon
