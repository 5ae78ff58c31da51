#include "recon/pipeline/train/training_tuning.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "recon/core/error.h"
#include "recon/core/out_of_memory.h"
#include "recon/solvers/device_time.h"
#include "recon/solvers/peak_memory.h"

namespace recon {
namespace {

constexpr std::int64_t smallest_batch = 4, largest_batch = 64;
constexpr std::int64_t trial_steps = 30;
constexpr double tolerated_slowness = 1.1;

/// The quickest of three updates, after one that allocates: other work on the machine slows some down.
BatchCost cost_of(const TrainingPlan& plan, const TrainingTask& task, std::int64_t batch, c10::Device device) {
  TrainingOptions options = plan.options;
  options.batch = batch;
  const PeakMemory memory(device);
  Trainer trainer(task, options, device);
  trainer.update();
  double least = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 3; ++repeat) {
    DeviceTime time(device);
    {
      const DeviceTime::Piece piece(time);
      trainer.update();
    }
    least = std::min(least, time.seconds());
  }
  return {batch, least / static_cast<double>(batch), memory.mib()};
}

std::vector<BatchCost> batch_costs(const TrainingPlan& plan, const TrainingTask& task, const RunControls& run) {
  std::vector<BatchCost> costs;
  for (std::int64_t batch = smallest_batch; batch <= largest_batch && !run.cancelled(); batch *= 2) {
    try {
      costs.push_back(cost_of(plan, task, batch, run.device));
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      break;
    }
  }
  if (costs.empty() && !run.cancelled()) {
    throw data_error("training", "a batch of {} does not fit into memory; set `crop` or a smaller network",
                     smallest_batch);
  }
  return costs;
}

double loss_at(const TrainingPlan& plan, const TrainingTask& task, std::int64_t batch, double rate,
               const RunControls& run) {
  TrainingOptions options = plan.options;
  options.batch = batch;
  options.learning_rate = rate;
  options.warmup = trial_steps / 10;
  options.decay = RateDecay::constant;
  Trainer trainer(task, options, run.device);
  for (std::int64_t step = 0; step < trial_steps && !run.cancelled(); ++step) {
    if (!trainer.update()) return std::numeric_limits<double>::infinity();
  }
  const std::vector<double>& loss = trainer.history().loss;
  return mean_of_last(loss, std::max<std::size_t>(1, loss.size() / 3));
}

double best_rate(const std::vector<RateTrial>& trials) {
  const auto less = [](const RateTrial& a, const RateTrial& b) { return a.loss < b.loss; };
  const RateTrial best = *std::min_element(trials.begin(), trials.end(), less);
  if (!std::isfinite(best.loss)) {
    throw data_error("training", "every learning rate from {:g} to {:g} diverged; check images and value_range",
                     trials.front().learning_rate, trials.back().learning_rate);
  }
  double rate = best.learning_rate;
  for (const auto& trial : trials) {
    if (!std::isfinite(trial.loss)) rate = std::min(rate, trial.learning_rate / 3);
  }
  return rate;
}

}  // namespace

TrainingProposal tune_training(const TrainingPlan& plan, const RunControls& run) {
  const TrainingTask task = training_task(plan);
  TrainingProposal proposal;
  proposal.batches = batch_costs(plan, task, run);
  if ((proposal.interrupted = run.cancelled())) return proposal;
  const auto by_time = [](const BatchCost& a, const BatchCost& b) { return a.seconds_per_image < b.seconds_per_image; };
  const auto& batches = proposal.batches;
  const double least = std::min_element(batches.begin(), batches.end(), by_time)->seconds_per_image;
  proposal.batch = std::find_if(batches.begin(), batches.end(), [&](const BatchCost& cost) {
                     return cost.seconds_per_image <= tolerated_slowness * least;
                   })->batch;
  for (const double rate : {3e-5, 1e-4, 3e-4, 1e-3, 3e-3}) {
    const double loss = loss_at(plan, task, proposal.batch, rate, run);
    if ((proposal.interrupted = run.cancelled())) return proposal;
    proposal.rates.push_back({rate, loss});
  }
  proposal.learning_rate = best_rate(proposal.rates);
  return proposal;
}

}  // namespace recon
