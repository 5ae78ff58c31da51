#pragma once

#include <cstdint>
#include <vector>

#include "recon/pipeline/train/training.h"

namespace recon {

/// What an update with a batch of this size takes on this machine.
struct BatchCost {
  std::int64_t batch = 0;
  double seconds_per_image = 0;
  double peak_mib = 0;
};

/// The loss at the end of a few updates at a constant learning rate.
struct RateTrial {
  double learning_rate = 0;
  double loss = 0;  ///< not finite: the weights diverged
};

/// A batch and a learning rate to begin with, and what was tried.
struct TrainingProposal {
  std::vector<BatchCost> batches;
  std::vector<RateTrial> rates;
  std::int64_t batch = 0;    ///< 0: not found before the search was stopped
  double learning_rate = 0;  ///< likewise
  bool interrupted = false;
};

/// Measures short runs of a plan, and writes nothing.
///
/// Batches of 4, 8, 16, ... up to 64 until one does not fit into memory: the smallest whose time per image is within a
/// tenth of the shortest. A larger one would cost updates and save nothing.
///
/// Learning rates of 3e-5 to 3e-3, about threefold from one to the next: each gets the same 30 updates, images, levels
/// and noise, after a tenth of them as warm-up, and is judged by its mean loss over the last third. The best, but no
/// more than a third of the smallest rate that diverged. (A range test as by Smith 2017, in separate runs: in one run
/// of rising rates the loss of noise levels that are drawn anew hides the differences.)
///
/// On cancellation it proposes what is settled by then: a batch when all of them were tried, never a rate.
/// Throws Error(data) when not even the smallest batch fits, or when no rate has a finite loss.
TrainingProposal tune_training(const TrainingPlan& plan, const RunControls& run);

}  // namespace recon
