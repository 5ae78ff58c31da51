#pragma once

#include <cstdint>
#include <vector>

#include "priors/noise_schedule.h"
#include "priors/train/training_options.h"
#include "recon/core/rng.h"

namespace recon {

/// How training draws noise levels, by the quantile function of their distribution:
///
///     uniform_t     t uniform over the schedule's time, whole timesteps of a table (Ho et al. 2020, alg. 1)
///     log_normal    ln r ~ N(log_mean, log_std²), cut off at the schedule's ends (Karras et al. 2022, table 1)
///     log_uniform   ln r uniform between the schedule's ends
///
/// with r the relative sigma. The draws of one batch are stratified, one in each of `batch` equal slices of probability
/// (Kingma et al. 2021, appendix I.1): less variance of the loss at no cost.
class LevelDistribution {
 public:
  LevelDistribution(const NoiseSchedule& schedule, const TrainingOptions& options);

  /// The time of the schedule at cumulated probability u in [0, 1).
  double time_at(double u) const;
  /// Times of one training step, one per image.
  std::vector<double> draw(std::int64_t step) const;

 private:
  NoiseSchedule schedule_;
  TrainingOptions options_;
  Rng rng_;
  double low_, high_;  ///< relative sigma at the ends
};

}  // namespace recon
