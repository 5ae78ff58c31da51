#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "recon/pipeline/run/reconstruction.h"
#include "recon/pipeline/solve/item_runner.h"

namespace recon {

/// Collects the results of one item after the other into a result set, report rows and panel tiles.
class ResultAssembly {
 public:
  ResultAssembly(const RunPlan& plan, const ImageRange& range);

  /// `methods`: one per baseline, then the main solver's.
  void add(const PreparedItem& item, const std::vector<MethodResult>& methods);
  void add_failed(const std::string& id, const std::string& error);
  std::size_t failed() const { return result_.failed; }

  /// The set has the items that were done, if there are any.
  ReconstructionResult finish();

 private:
  /// The columns of one method while items come in.
  struct Columns {
    explicit Columns(std::string method) : name(std::move(method)) {}

    std::string name;
    std::vector<at::Tensor> x, std, samples, traces;
    std::vector<at::Tensor> quantiles, prior_part, chi2_maps;
    std::map<std::string, std::vector<double>> coverage;
    std::vector<ResultRow> rows;
    std::vector<double> trace_steps, trace_sigmas;
  };
  void add_tiles(const PreparedItem& item, const std::vector<MethodResult>& methods);
  SolverResults collected(const Columns& columns) const;

  const RunPlan& plan_;
  ReconstructionResult result_;
  std::vector<Columns> columns_;
};

}  // namespace recon
