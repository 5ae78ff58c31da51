#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "priors/network_prior.h"
#include "priors/networks/unet2d.h"
#include "priors/train/batch_source.h"
#include "priors/train/level_distribution.h"
#include "priors/train/loss.h"
#include "priors/train/optimizer.h"
#include "priors/train/training_state.h"
#include "recon/core/progress.h"

namespace recon {

/// How a training run ended.
enum class TrainingOutcome {
  finished,
  interrupted,  ///< cancelled; the state is saved and the run can go on
  diverged      ///< loss or gradient were not finite many times in a row; the last state that was saved is good
};

/// What to train on, and what then is known of the network besides its weights.
struct TrainingTask {
  NetworkPriorDescription description;
  std::shared_ptr<const UNet2D> network;  ///< the weights to start from
  TrainingImages images, validation;      ///< validation.count = 0: none
  Measure measure = {};                   ///< what the network is to know beside x_t; empty: nothing
};

struct TrainingControls {
  std::filesystem::path state;  ///< file from which a run resumes when it is there, and to which it saves
  std::string fingerprint;      ///< of all that decides the weights, see training_state.h
  c10::Device device = c10::kCPU;
  const CancellationToken* cancellation = nullptr;
  std::function<void(std::int64_t done)> on_begin = nullptr;  ///< once, with the steps that earlier sessions have done
  std::function<void(const ProgressEvent& event)> on_step = nullptr;
  /// Called with the prior made of the averaged weights at each validation that is the best so far (best_validation());
  /// without validation images at each of those steps and at the end.
  std::function<void(const NetworkPrior& prior, const UNet2D& network)> on_export = nullptr;
  /// Called after that at every such step, whether or not it was the best.
  std::function<void(const NetworkPrior& prior, const TrainingHistory& history)> on_validation = nullptr;
};

/// Trains a network to predict what its description says, from x_t = alpha x_0 + sigma eps at the levels of its own
/// process: weighted mean of |network(x_t) - target|² (loss.h), target from (x_0, x_t) by the table of
/// parameterization.h, minimised by AdamW (optimizer.h).
///
/// With a measurement the network sees x_t and y together and predicts their v (CombinedObservation).
///
/// Images, noise levels, noise and measurement of step k are functions of (seed, k), so that a run which is killed at
/// any time and started again ends with the weights of an uninterrupted one, bit for bit on the same machine with the
/// same number of threads; but for a run with a time limit, whose learning rate follows the clock.
class Trainer {
 public:
  /// Throws Error(usage) for options that do not fit the network.
  Trainer(TrainingTask task, const TrainingOptions& options, c10::Device device = c10::kCPU);

  /// All steps that are left, or what the time limit leaves of them. Throws what load_training_state, the images and
  /// on_export throw.
  TrainingOutcome run(const TrainingControls& controls);

  const TrainingHistory& history() const { return history_; }
  /// The network with the averaged weights; shares their memory.
  std::shared_ptr<const UNet2D> averaged_network() const;

  /// Loss of one step without updating anything; carries the graph.
  at::Tensor loss(std::int64_t step);
  /// One step of the run; false when loss or gradient were not finite and the weights were left as they are.
  bool update();

 private:
  /// Of the run: of its steps or of its time, whichever is larger; 1 when it is finished.
  double share_done() const;
  /// Of the whole run, at the pace of this session: a former one may have had another machine.
  std::int64_t expected_steps() const;
  std::vector<NamedTensor> saved_tensors() const;
  void validate_and_export(const TrainingControls& controls);

  TrainingTask task_;
  TrainingOptions options_;
  c10::Device device_;
  std::shared_ptr<const UNet2D> network_;
  std::vector<NamedTensor> trained_;
  BatchSource batches_;
  LevelDistribution levels_;
  LossOptions loss_;
  Rng noise_, measuring_;
  Optimizer optimizer_;
  TrainingHistory history_;
  std::int64_t steps_before_ = 0;  ///< of the sessions before this one
  double seconds_before_ = 0;
};

}  // namespace recon
