#pragma once

#include <functional>

#include "recon/config/yaml_node.h"
#include "recon/pipeline/train/training.h"

namespace recon {

/// Draws one image for every measured item into a result file: what `recon batch` does with that config. False when it
/// was interrupted. Throws Error(usage) for a solver whose results are no samples.
using DrawPosterior = std::function<bool(const YamlNodePtr& batch_config)>;

/// A prior from measurements alone, by expectation-maximisation (Rozet et al. 2024, "Learning diffusion priors from
/// observations by expectation maximization", algorithm 1). With q_k the prior after k rounds, round k + 1 is
///
///     x_i ~ q_k(x | y_i) for every measurement i,    q_{k+1} = the network of q_k, trained on the x_i
///
/// and by it the likelihood of the measurements does not fall, as far as draws and training are exact. The draws have
/// to be draws: trained on posterior means, the prior loses in each round what the data do not say. Each round draws
/// anew.
///
/// q_0 is `init`, or a stationary Gaussian: its mean and power spectrum are found by the same two steps, with exact
/// draws (ExactPosterior) and the sample mean and spectrum of the draws, from a spectrum of 1/f³. Some items (a
/// sixteenth, at most `validation_images`) are drawn but not trained on: a round's validation denoises their draws.
///
/// In the output folder: the prior of the last finished round; rounds.json, what the rounds were; rounds/K/prior with
/// its training, rounds/K/draws.h5 and rounds/K/training_state.safetensors of the last round that has begun. Killed at
/// any time, the same command goes on and ends with the same weights.
///
/// Throws Error(usage) for measurements of images that differ in shape, are no images of the plan's channels, or, for a
/// Gaussian start, whose operator is not linear; Error(data) when half of the draws failed.
TrainingResult train_from_measurements(const TrainingPlan& plan, const RunControls& run, const DrawPosterior& draw);

}  // namespace recon
