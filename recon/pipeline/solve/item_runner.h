#pragma once

#include <optional>
#include <string>
#include <vector>

#include "priors/slices_prior.h"
#include "recon/pipeline/items/item_source.h"
#include "recon/pipeline/solve/guarantee.h"
#include "recon/pipeline/solve/image_mapping.h"
#include "recon/pipeline/solve/method_result.h"
#include "recon/pipeline/solve/misfit.h"
#include "recon/pipeline/solve/solving_options.h"

namespace recon {

/// What is made of the samples.
struct Evaluation {
  Selection selection = Selection::mean;
  bool antithetic = true;  ///< samples come in pairs of opposite noise: recon/metrics/sample_spread.h
  bool maps = true;  ///< prior_part, chi2_map, quantiles: recon/pipeline/solve/uncertainty.h; they cost a linear solve
  AppliedCalibrationPtr calibration = nullptr;  ///< what it promises is among the figures
  /// Of volumes: the slices that a prior for images looks at.
  std::vector<SliceOrientation> prior_slices = {SliceOrientation::axial};
};

/// Where the item before in a series ended.
struct PreviousItem {
  at::Tensor x;           ///< `[batch, solver image]`; undefined for the first item
  ImageRange range = {};  ///< of that item, whose units x has
};

/// Solves items with one solver.
class ItemRunner {
 public:
  /// `prior` may be null for solvers that need none. `place` is where complex_image is set, for messages.
  ItemRunner(NamedSolver solver, PriorPtr prior, ComplexImage complex_image, std::string place,
             Evaluation evaluation = {});

  const std::string& name() const { return solver_.name; }
  /// `samples` counts for solvers that sample only.
  MethodResult run(const PreparedItem& item, std::int64_t samples, const Controls& controls) const;
  /// Several items in one call of the solver; they must be joinable(). An item's result is that of run() up to
  /// rounding; its seconds are its share. `previous` is for one item alone; none: it is of no series.
  std::vector<MethodResult> run_joined(const std::vector<PreparedItem>& items, std::int64_t samples,
                                       const Controls& controls,
                                       const std::optional<PreviousItem>& previous = std::nullopt) const;
  /// Whether both have one and the same operator and need no whitening, which belongs to an item.
  static bool joinable(const PreparedItem& a, const PreparedItem& b);

 private:
  MethodResult evaluated(const PreparedItem& item, const ImageMapping& mapping, const Problem& problem,
                         Report report) const;

  NamedSolver solver_;
  PriorPtr prior_;
  ComplexImage complex_image_;
  std::string place_;
  Evaluation evaluation_;
};

}  // namespace recon
