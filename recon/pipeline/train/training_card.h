#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recon/pipeline/solve/denoising_figures.h"
#include "recon/pipeline/train/training.h"

namespace recon {

/// What the card says of a run besides its plan and history.
struct TrainingCardFacts {
  NetworkPriorDescription description;
  std::int64_t parameters = 0, image_count = 0;
  std::string channels;                  ///< "in colour, taken as grey (luma)"
  std::vector<DenoisingFigure> figures;  ///< of the weights in the folder; empty while the run is not finished
  std::int64_t figure_images = 0;        ///< on how many validation images
};

/// Writes what a person wants to know of a trained prior into its folder: README.md (the model card: network, data,
/// licence, steps, denoising figures of the weights that were kept), loss.svg (loss curve), training_config.yaml (the
/// resolved config).
void write_training_card(const TrainingPlan& plan, const TrainingCardFacts& facts, const TrainingHistory& history);

}  // namespace recon
