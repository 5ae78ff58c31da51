#pragma once

#include <c10/core/Device.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "data/image_io.h"
#include "data/result_file.h"
#include "recon/core/progress.h"
#include "recon/pipeline/run_plan.h"

namespace recon {

/// One line of the report: what one method made of one item. NaN stands for "not known".
struct ResultRow {
  std::string id, solver;
  double psnr = NAN, ssim = NAN, nrmse = NAN;      ///< against the ground truth, where there is one
  double chi2 = NAN;                               ///< where the noise level is known
  double crps = NAN, coverage_90 = NAN;            ///< of several samples, where there is ground truth
  double imagined_share = NAN;                     ///< of linear operators: recon/pipeline/trust.h
  std::int64_t nfe_forward = 0, nfe_backward = 0;  ///< network passes that this result took
  double seconds = 0, peak_mib = 0;
  std::string status;
  std::string error;  ///< why an item failed; empty otherwise
};

/// What the caller of an experiment decides and listens to.
struct ExperimentControls {
  c10::Device device = c10::Device(c10::kCPU);
  std::uint64_t seed = 0;
  const CancellationToken* cancellation = nullptr;
  std::function<void(const std::string& label)> on_begin;  ///< before each solve: "item 3: dps"
  ProgressObserver on_step;
  std::function<void()> on_end;  ///< after each solve, before its warnings are logged
};

struct ExperimentResult {
  ResultSet set;
  std::vector<ResultRow> rows;
  std::vector<PanelTile> tiles;  ///< of the first items, `tiles_per_item` each
  int tiles_per_item = 0;
  std::size_t failed = 0;    ///< items with bad data
  bool interrupted = false;  ///< not every item was done, or the last one was stopped early
};

/// Reconstructs the items of the plan's measurement file one after the other, each with the baselines and then with the
/// main solver (all samples in one batch). With more than one sample the reconstruction is their mean, and the rows
/// have the first sample alone as "NAME_sample" too.
///
/// An item with bad data is reported as failed and the others go on; when all fail the first fault is thrown. An item's
/// numbers do not depend on which others are done. On cancellation the running solve stops after its step and is kept
/// with status stopped_early; an item that was still at its baselines is dropped.
ExperimentResult run_experiment(const RunPlan& plan, const ExperimentControls& controls);

}  // namespace recon
