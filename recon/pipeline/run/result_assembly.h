#pragma once

#include <optional>
#include <string>
#include <vector>

#include "recon/pipeline/run/reconstruction.h"
#include "recon/pipeline/solve/engine.h"
#include "recon/pipeline/solve/result_columns.h"

namespace recon {

/// The sink of `recon run`: a result set, report rows and panel tiles. An item of which a method failed is failed as a
/// whole, so that the columns of all methods speak of the same items.
class ResultAssembly final : public ResultSink {
 public:
  ResultAssembly(const RunPlan& plan, const ItemSource& source);

  bool solved(const ItemGroup& group, std::size_t method, const std::vector<ItemOutcome>& outcomes) override;
  void done(const ItemGroup& group, std::vector<std::vector<ItemOutcome>> outcomes) override;

  std::size_t failed() const { return result_.failed; }
  const std::optional<Error>& first_fault() const { return first_fault_; }

  /// The set has the items that were done, if there are any.
  ReconstructionResult finish();

 private:
  void add(const PreparedItem& item, const std::vector<ItemOutcome>& methods);
  void add_failed(const std::string& id, const Error& error);
  void add_tiles(const PreparedItem& item, const std::vector<ItemOutcome>& methods);

  const RunPlan& plan_;
  ReconstructionResult result_;
  std::optional<Error> first_fault_;
  std::vector<ResultColumns> columns_;  ///< of the baselines, then of the main solver
};

}  // namespace recon
