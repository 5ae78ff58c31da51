#pragma once

#include <cstdint>

#include "recon/pipeline/train/training.h"

namespace recon {

/// Writes what a person wants to know of a trained prior into its folder: README.md (the model card: network, data,
/// steps, losses, denoising figures), loss.svg (loss curve), training_config.yaml (the resolved config).
void write_training_card(const TrainingPlan& plan, const NetworkPrior& prior, const TrainingHistory& history,
                         std::int64_t image_count);

}  // namespace recon
