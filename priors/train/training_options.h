#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "priors/networks/precision.h"
#include "priors/train/loss.h"
#include "recon/core/parameters.h"

namespace recon {

/// How noise levels are drawn: uniform in the schedule's time, or relative sigma with a normal or a uniform logarithm.
enum class LevelLaw { uniform_t, log_normal, log_uniform };
constexpr auto words_of(LevelLaw) {
  using enum LevelLaw;
  return std::to_array<Word<LevelLaw>>(
      {{uniform_t, "uniform_t"}, {log_normal, "log_normal"}, {log_uniform, "log_uniform"}});
}

/// The learning rate after the warm-up.
enum class RateDecay { cosine, constant };
constexpr auto words_of(RateDecay) {
  return std::to_array<Word<RateDecay>>({{RateDecay::cosine, "cosine"}, {RateDecay::constant, "constant"}});
}

/// Everything about a training run that decides its weights, besides the data, the network and its process.
struct TrainingOptions {
  std::int64_t steps = 10000;
  double minutes = 0;
  std::int64_t batch = 16;
  std::int64_t crop = 0;
  bool flip = true;
  bool rotate = false;
  double contrast = 1;
  double shading = 0;

  LevelLaw levels = LevelLaw::uniform_t;
  double log_mean = -1.2, log_std = 1.2;
  std::optional<Weighting> weighting;  ///< none (auto): usual_weighting()
  double gamma = 5;

  double learning_rate = 2e-4;
  std::int64_t warmup = 500;
  RateDecay decay = RateDecay::cosine;
  std::vector<double> betas = {0.9, 0.999};
  double weight_decay = 0;
  double gradient_clip = 1;
  double ema = 0.999;
  Precision precision = Precision::float32;

  std::int64_t checkpoint_every = 500;
  std::int64_t validate_every = 2000;
  std::int64_t validation_images = 32;
  std::int64_t validation_levels = 16;
  std::int64_t seed = 0;

  void visit(ParameterVisitor& v);
};

}  // namespace recon
