#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recon/core/parameters.h"

namespace recon {

/// Everything about a training run that decides its weights, besides the data, the network and its process.
struct TrainingOptions {
  std::int64_t steps = 10000;
  double minutes = 0;
  std::int64_t batch = 16;
  std::int64_t crop = 0;
  bool flip = true;
  bool rotate = false;

  std::string levels = "uniform_t";
  double log_mean = -1.2, log_std = 1.2;
  std::string weighting = "auto";
  double gamma = 5;

  double learning_rate = 2e-4;
  std::int64_t warmup = 500;
  std::string decay = "cosine";
  std::vector<double> betas = {0.9, 0.999};
  double weight_decay = 0;
  double gradient_clip = 1;
  double ema = 0.999;
  std::string precision = "float32";

  std::int64_t checkpoint_every = 500;
  std::int64_t validate_every = 2000;
  std::int64_t validation_images = 32;
  std::int64_t validation_levels = 16;
  std::int64_t seed = 0;

  void visit(ParameterVisitor& v);
};

}  // namespace recon
