// Training for a measurement: what is learned is E[x_0 | x_t, y], and a run can be cut anywhere.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/gaussian_prior.h"
#include "priors/train/trainer.h"
#include "recon/core/error.h"
#include "tests/priors/masked_measurement.h"
#include "tests/priors/one_level_network.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

constexpr double kNoise = 0.1;

/// Two channels of one pixel, alike: of a measured one something is known of the other.
GaussianPrior pair_prior() {
  const at::Tensor covariance = 0.25 * at::tensor({1.0, 0.9, 0.9, 1.0}, at::kDouble).view({2, 2});
  return {at::zeros({2, 1, 1}, at::kDouble), Covariance::full({2, 1, 1}, covariance)};
}

TrainingImages pairs(std::int64_t count, const char* stream) {
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < count; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
  const at::Tensor all = pair_prior().sample(Rng(4, stream), keys, at::kFloat);
  return {count, [all](std::int64_t index) { return all[index]; }};
}

/// The first channel with noise.
LinearMeasurement first_channel(const at::Tensor& x0, const Rng& rng, const std::vector<StreamKey>& keys) {
  const at::Tensor y = x0 + kNoise * rng.normal(keys, 0, spec_of_item(x0), x0.options());
  return test::masked(at::tensor({1.0, 0.0}).view({2, 1, 1}), y, std::vector<double>(keys.size(), kNoise));
}

TrainingTask pair_task() {
  return {.description = {.name = "pair",
                          .domain = {.channels = 2, .fixed_size = {}, .multiple = 1},
                          .schedule = NoiseSchedule::vp_linear(),
                          .prediction = Prediction::v,
                          .measurement = TrainedMeasurement{.op = "mask", .noise_std = {kNoise, kNoise}}},
          .network = test::one_level_network(test::one_level(32, 8), 2, 2, 1),
          .images = pairs(4096, "data"),
          .validation = pairs(64, "validation"),
          .measure = first_channel};
}

TrainingOptions pair_options(std::int64_t steps) {
  TrainingOptions options;
  options.steps = steps;
  options.batch = 64;
  options.flip = false;
  options.levels = LevelLaw::log_uniform;
  options.learning_rate = 3e-3;
  options.warmup = 20;
  options.ema = 0.99;
  options.checkpoint_every = 10;
  options.validate_every = steps / 2;
  options.validation_images = 64;
  options.validation_levels = 6;
  return options;
}

TEST(MeasurementTraining, LearnsWhatBothSay) {
  TrainingOptions options = pair_options(400);
  options.validate_every = 40;  // before it has learned: from 200 on the errors are those of the posterior itself
  Trainer trainer(pair_task(), options);
  ASSERT_EQ(trainer.run({.state = test::scratch_folder() / "state", .fingerprint = "{}"}), TrainingOutcome::finished);
  const auto& validations = trainer.history().validations;
  ASSERT_EQ(validations.size(), 10U);
  EXPECT_LT(mean_log_error(validations.back().table), mean_log_error(validations.front().table));
  const GaussianPrior exact = pair_prior();
  const NetworkPrior learned(pair_task().description, trainer.averaged_network());
  std::vector<StreamKey> keys;
  for (std::uint64_t i = 0; i < 256; ++i) keys.push_back({i, 2});
  const at::Tensor x0 = exact.sample(Rng(5, "judge"), keys, at::kFloat);
  const LinearMeasurement y = first_channel(x0, Rng(5, "judged measurement"), keys);
  for (const double r : {0.1, 1.0, 100.0}) {
    const at::Tensor x_t = x0 + r * Rng(6, "judge").normal(keys, 0, spec_of_item(x0), x0.options());
    const NoiseLevel level{.alpha = 1, .sigma = r};
    const at::Tensor best = exact.denoise_given(x_t, level, y);
    const double variance = (best - x0).square().mean().item<double>();
    const double distance = (learned.denoise_given(x_t, level, y) - best).square().mean().item<double>();
    std::printf("r = %g: posterior variance %.4f, network off by %.4f\n", r, variance, distance);
    EXPECT_LT(distance, 0.1 * variance) << r;
    if (r > 0.5) {  // without y nobody is nearer than this
      EXPECT_GT((exact.denoise(x_t, level) - best).square().mean().item<double>(), variance) << r;
    }
  }
}

TEST(MeasurementTraining, GoesOnWhereItWasCutBitForBit) {
  const auto folder = test::scratch_folder();
  TrainingOptions options = pair_options(24);
  options.batch = 8;
  Trainer whole(pair_task(), options);
  ASSERT_EQ(whole.run({.state = folder / "whole", .fingerprint = "{}"}), TrainingOutcome::finished);
  CancellationToken stop;
  TrainingControls controls{.state = folder / "cut", .fingerprint = "{}"};
  controls.cancellation = &stop;
  controls.on_step = [&](const ProgressEvent& event) {
    if (event.step == 13) stop.cancel();
  };
  ASSERT_EQ(Trainer(pair_task(), options).run(controls), TrainingOutcome::interrupted);
  controls.cancellation = nullptr;
  Trainer second(pair_task(), options);
  ASSERT_EQ(second.run(controls), TrainingOutcome::finished);
  EXPECT_EQ(second.history().loss, whole.history().loss);
  EXPECT_EQ(second.history().validations.back().table, whole.history().validations.back().table);
}

TEST(MeasurementTraining, TakesVPredictionsOnly) {
  TrainingTask task = pair_task();
  task.description.prediction = Prediction::epsilon;
  test::expect_says(test::complaint([&] { Trainer(task, pair_options(2)); }), {"pair", "predicts v", "epsilon"});
}

}  // namespace
}  // namespace recon
