#pragma once

#include <vector>

#include "data/image_io.h"
#include "data/result_file.h"
#include "recon/core/run_controls.h"
#include "recon/pipeline/run/run_plan.h"
#include "recon/pipeline/solve/method_result.h"

namespace recon {

/// What `recon run` makes of its items.
struct ReconstructionResult {
  ResultSet set;
  std::vector<ResultRow> rows;
  std::vector<PanelTile> tiles;  ///< of the first items, `tiles_per_item` each
  int tiles_per_item = 0;
  std::size_t failed = 0;          ///< items with bad data
  std::size_t misfits = 0;         ///< whose reconstruction the data contradict
  std::size_t diverged = 0;        ///< whose reconstruction diverged
  bool interrupted = false;        ///< not every item was done, or the last one was stopped early
  std::vector<std::string> files;  ///< that hold the result
  bool saved = false;  ///< the plan's output, and its preview if it wants one, are written: an item was done
};

/// Reconstructs the items of the plan's measurement file one after the other, each with the baselines and then with the
/// main solver (all samples in one batch), and writes the plan's files. With more than one sample the reconstruction is
/// their mean, and the rows have the first sample alone as "NAME_sample" too.
///
/// An item with bad data is reported as failed and the others go on; when all fail the first fault is thrown. An item's
/// numbers do not depend on which others are done. On cancellation the running solve stops after its step and is kept
/// with status stopped_early; an item that was still at its baselines is dropped. Throws Error(usage) when the output
/// would overwrite the measurements, or what is there already against controls.overwrite.
ReconstructionResult run_reconstruction(const RunPlan& plan, const RunControls& controls);

}  // namespace recon
