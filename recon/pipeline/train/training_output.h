#pragma once

#include <c10/core/Device.h>

#include <string>

#include "recon/pipeline/train/training.h"
#include "recon/pipeline/train/training_card.h"

namespace recon {

/// What a training run writes into its output folder, beside its state.
class TrainingOutput {
 public:
  TrainingOutput(const TrainingPlan& plan, const TrainingTask& task, c10::Device device);

  /// Whether pictures lose or get colour on their way to the prior. Looks at the first picture of each source.
  const std::string& channels() const { return facts_.channels; }
  /// The prior (prior_writer.h), with a copy of the attribution.
  void write_weights(const NetworkPrior& prior, const UNet2D& network) const;
  /// Model card, curves and running picture; warns when validation has turned up.
  void report(const NetworkPrior& prior, const TrainingHistory& history) const;
  /// The yardstick (denoising_figures.h) of the weights in the folder, on the validation images, into the card.
  void measure(const TrainingHistory& history);

 private:
  const TrainingPlan& plan_;
  TrainingImages images_, validation_;
  Measure measure_;
  c10::Device device_;
  TrainingCardFacts facts_;
};

/// Empty, or that validation has turned up: the last two were worse than the best before them.
std::string overfitting_warning(const TrainingHistory& history);

}  // namespace recon
