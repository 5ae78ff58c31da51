#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "recon/pipeline/batch_input.h"
#include "recon/pipeline/run_plan.h"

namespace recon {

/// The section `output` of a batch config. Paths start at the working directory.
struct BatchOutput {
  std::string path = "batch_result.h5";
  std::string csv, contact_sheet;
  std::int64_t contact_items = 64;
  std::int64_t compression = 1;

  void visit(ParameterVisitor& v);
};

/// The section `batch`.
struct BatchSize {
  std::int64_t size = 8;
  bool maps = false;

  void visit(ParameterVisitor& v);
};

/// A batch config, read and checked.
struct BatchPlan {
  SolvingOptions options;
  NamedSolver main;
  YamlNodePtr input;  ///< for open_batch_inputs()
  BatchOutput output;
  BatchSize batch;
  std::string prior;  ///< name, or a path (given with a '/') that starts at the config's folder
  ItemOptions item_options;
  std::string folder;  ///< of the config, absolute
  nlohmann::ordered_json resolved;
};

/// `seed` takes the place of the config's. Throws Error(usage) with file:line.
BatchPlan read_batch_plan(const Config& config, std::optional<std::uint64_t> seed);

/// The items of a batch and how they are cut: `size` consecutive items of one input. An item's batch depends on the
/// config and the inputs only, never on who computes it or when, so that its rounding does not either.
struct BatchWork {
  struct Batch {
    std::size_t input = 0;              ///< index into inputs
    std::vector<std::int64_t> indices;  ///< of its items in that input
    std::int64_t first = 0;             ///< position of the first one among all items
  };
  std::vector<BatchInput> inputs;
  std::vector<std::string> ids;  ///< of all items, in the order of the output
  std::vector<Batch> batches;

  std::int64_t count(std::size_t batch) const { return static_cast<std::int64_t>(batches.at(batch).indices.size()); }
  std::vector<std::string> ids_of(std::size_t batch) const;
};

/// Opens the inputs and chooses and cuts the items. Throws Error(usage) for unknown ids, for inputs whose images differ
/// in shape, field or range (a result file holds one kind).
BatchWork open_batch_work(const BatchPlan& plan);

}  // namespace recon
