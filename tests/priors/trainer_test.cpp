// The trainer's parts and the whole: what it learns, and that a run can be cut anywhere.
#include "priors/train/trainer.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "priors/checkpoints/safetensors.h"
#include "priors/train/network_options.h"
#include "priors/train/parameter_initializer.h"
#include "recon/core/error.h"
#include "tests/support/faults.h"
#include "tests/support/word.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

UNet2DConfig tiny_config(std::int64_t in = 1) {
  NetworkOptions options;
  options.channels = {8, 8};
  options.groups = 4;
  options.mid_attention = false;
  return options.config(in, "tiny");
}

std::shared_ptr<const UNet2D> fresh(const UNet2DConfig& config, std::uint64_t seed = 0) {
  ParameterInitializer source(seed);
  return std::make_shared<const UNet2D>(config, source);
}

/// Noise images of 12 x 12: what they look like does not matter here.
TrainingImages noise_images(std::int64_t count) {
  return {count, [](std::int64_t index) {
            return Rng(9, "images")
                .normal({{static_cast<std::uint64_t>(index), 0}}, 0, {{1, 12, 12}, ScalarKind::real}, at::kFloat)[0];
          }};
}

TrainingOptions tiny_options() {
  TrainingOptions options;
  options.steps = 12;
  options.batch = 3;
  options.crop = 8;
  options.warmup = 2;
  options.checkpoint_every = 5;
  options.validate_every = 6;
  options.validation_images = 2;
  options.validation_levels = 3;
  return options;
}

TrainingTask tiny_task(bool validation = true, bool position_channels = false) {
  UNet2DConfig config = tiny_config();
  if (position_channels) config.in_channels += kPositionChannels;
  NetworkPriorDescription description{.name = "tiny",
                                      .domain = {.channels = 1, .fixed_size = {}, .multiple = 2},
                                      .schedule = NoiseSchedule::vp_linear(),
                                      .prediction = Prediction::v,
                                      .position_channels = position_channels};
  return {.description = std::move(description),
          .network = fresh(config),
          .images = noise_images(5),
          .validation = validation ? noise_images(2) : TrainingImages{}};
}

bool same_weights(const Trainer& a, const Trainer& b) {
  const auto first = a.averaged_network(), second = b.averaged_network();
  for (std::size_t i = 0; i < first->parameters().size(); ++i) {
    if (!first->parameters()[i].value.equal(second->parameters()[i].value)) return false;
  }
  return true;
}

TEST(ParameterInitializer, DrawsTorchsDefaults) {
  const auto network = fresh(tiny_config());
  const auto again = fresh(tiny_config()), other = fresh(tiny_config(), 1);
  bool differs = false;
  for (std::size_t i = 0; i < network->parameters().size(); ++i) {
    const auto& [name, value] = network->parameters()[i];
    EXPECT_TRUE(value.equal(again->parameters()[i].value)) << name;
    differs = differs || !value.equal(other->parameters()[i].value);
    if (name == "down_blocks.0.resnets.0.conv1.weight") {
      // Uniform on ±1/sqrt(72): the largest of 576 values is within 2 % of the bound but for a chance of 1e-5.
      EXPECT_LE(value.abs().max().item<double>(), 1 / std::sqrt(72.0));
      EXPECT_GT(value.abs().max().item<double>(), 0.98 / std::sqrt(72.0));
    }
    if (name.find("norm") != std::string::npos) {
      EXPECT_TRUE(value.equal(name.ends_with("weight") ? at::ones_like(value) : at::zeros_like(value))) << name;
    }
    if (name.starts_with("conv_out")) {
      EXPECT_EQ(value.abs().max().item<double>(), 0) << name;
    }
  }
  EXPECT_TRUE(differs);
}

TEST(Optimizer, TakesTheStepsOfAdamW) {
  TrainingOptions options;
  options.weight_decay = 0.5;
  options.gradient_clip = 1;
  options.ema = 0.9;
  const at::Tensor weight = at::tensor({1.0F, -2.0F}).requires_grad_(true);
  Optimizer optimizer({{"w", weight}}, options);
  // The formulas of Loshchilov & Hutter 2019, algorithm 2, in double precision.
  double w[2] = {1, -2}, m[2] = {0, 0}, v[2] = {0, 0}, average[2] = {1, -2};
  for (int step = 0; step < 5; ++step) {
    const double g[2] = {3.0 + step, 4.0};
    const double norm = std::hypot(g[0], g[1]);
    const at::Tensor gradient = at::tensor({static_cast<float>(g[0]), static_cast<float>(g[1])});
    EXPECT_NEAR(optimizer.update({gradient}, step, 0.1), norm, 1e-5);
    for (int i = 0; i < 2; ++i) {
      const double clipped = g[i] / norm;
      m[i] = 0.9 * m[i] + 0.1 * clipped;
      v[i] = 0.999 * v[i] + 0.001 * clipped * clipped;
      const double mean = m[i] / (1 - std::pow(0.9, step + 1)), square = v[i] / (1 - std::pow(0.999, step + 1));
      w[i] -= 0.1 * 0.5 * w[i] + 0.1 * mean / (std::sqrt(square) + 1e-8);
      const double kept = std::min(0.9, (1.0 + step) / (10.0 + step));
      average[i] = kept * average[i] + (1 - kept) * w[i];
      EXPECT_NEAR(weight[i].item<double>(), w[i], 2e-6);  // a few float32 roundings of numbers near 2
      EXPECT_NEAR(optimizer.average()[0].value[i].item<double>(), average[i], 2e-6);
    }
  }
}

TEST(Optimizer, LeavesEverythingAloneWhenTheGradientIsNotFinite) {
  const at::Tensor weight = at::ones({3}).requires_grad_(true);
  Optimizer optimizer({{"w", weight}}, TrainingOptions{});
  const double norm = optimizer.update({at::tensor({1.0F, NAN, 0.0F})}, 0, 0.1);
  EXPECT_FALSE(std::isfinite(norm));
  EXPECT_TRUE(weight.equal(at::ones({3})));
  for (const auto& [name, value] : optimizer.state()) {
    if (!name.starts_with("average")) {
      EXPECT_EQ(value.abs().max().item<double>(), 0) << name;
    }
  }
}

TEST(Optimizer, WarmsUpAndEndsAtZero) {
  TrainingOptions options;
  options.learning_rate = 2;
  options.warmup = 10;
  options.steps = 110;
  const auto rate = [&](std::int64_t step, double time = 0) {
    return Optimizer::learning_rate(options, step, std::max(static_cast<double>(step) / 110, time));
  };
  EXPECT_NEAR(rate(0), 0.2, 1e-12);
  EXPECT_NEAR(rate(9), 2, 1e-12);
  EXPECT_NEAR(rate(10), 2, 1e-12);
  EXPECT_NEAR(rate(60), 1, 1e-12);
  EXPECT_NEAR(rate(110), 0, 1e-12);
  EXPECT_NEAR(rate(20, 60.0 / 110), 1, 1e-12) << "whose time is up as far is as far";
  EXPECT_NEAR(rate(20, 1), 0, 1e-12);
  options.decay = test::word("constant");
  EXPECT_EQ(rate(100), 2);
}

void expect_resumes_bit_for_bit(const TrainingTask& task) {
  const fs::path folder = test::scratch_folder();
  Trainer whole(task, tiny_options());
  const auto in = [&](const std::string& name) {
    return TrainingControls{.state = folder / name, .fingerprint = "{}"};
  };
  ASSERT_EQ(whole.run(in("whole")), TrainingOutcome::finished);
  EXPECT_EQ(whole.history().step, 12);
  EXPECT_EQ(whole.history().validations.size(), 2U);
  for (const std::int64_t cut : {1, 5, 7, 11}) {
    TrainingControls controls = in(fmt::format("cut{}", cut));
    CancellationToken stop;
    controls.cancellation = &stop;
    controls.on_step = [&](const ProgressEvent& event) {
      if (event.step == cut) stop.cancel();
    };
    Trainer first(task, tiny_options());
    ASSERT_EQ(first.run(controls), TrainingOutcome::interrupted);
    ASSERT_FALSE(same_weights(first, whole));
    controls.cancellation = nullptr;
    std::int64_t done = -1;
    controls.on_begin = [&](std::int64_t steps) { done = steps; };
    Trainer second(task, tiny_options());
    ASSERT_EQ(second.run(controls), TrainingOutcome::finished);
    EXPECT_EQ(done, cut);
    EXPECT_TRUE(same_weights(second, whole)) << "cut after " << cut;
    EXPECT_EQ(second.history().loss, whole.history().loss);
    ASSERT_EQ(second.history().validations.size(), 2U);
    EXPECT_EQ(second.history().validations.back().table, whole.history().validations.back().table);
  }
}

TEST(Trainer, GoesOnWhereItWasCutBitForBit) { expect_resumes_bit_for_bit(tiny_task()); }

TEST(Trainer, GoesOnWithPositionsBitForBit) { expect_resumes_bit_for_bit(tiny_task(true, true)); }

TEST(Trainer, TakesAFinishedRunUpAgainForMoreSteps) {
  const TrainingControls controls{.state = test::scratch_folder() / "state", .fingerprint = "{}"};
  TrainingOptions options = tiny_options();
  options.steps = 6;
  Trainer(tiny_task(), options).run(controls);
  options.steps = 12;
  Trainer more(tiny_task(), options);
  ASSERT_EQ(more.run(controls), TrainingOutcome::finished);
  EXPECT_EQ(more.history().step, 12);
  EXPECT_EQ(more.history().validations.back().step, 12);
  options.steps = 4;
  Trainer fewer(tiny_task(), options);
  ASSERT_EQ(fewer.run(controls), TrainingOutcome::finished);
  EXPECT_EQ(fewer.history().step, 12) << "what is done is not undone";
}

TEST(Trainer, EndsWhenItsTimeIsUp) {
  TrainingControls controls{.state = test::scratch_folder() / "state", .fingerprint = "{}"};
  std::int64_t expected = 0;
  controls.on_step = [&](const ProgressEvent& event) { expected = event.steps; };
  TrainingOptions options = tiny_options();
  options.steps = 1'000'000'000;
  options.validate_every = options.checkpoint_every = options.steps;
  options.minutes = 0.01;
  Trainer first(tiny_task(), options);
  ASSERT_EQ(first.run(controls), TrainingOutcome::finished);
  const std::int64_t done = first.history().step;
  EXPECT_GE(first.history().seconds, 0.6);
  EXPECT_LT(first.history().seconds, 60) << "a step of this network takes milliseconds";
  EXPECT_EQ(expected, done) << "the last step is known to be the last";
  ASSERT_EQ(first.history().validations.size(), 1U);
  EXPECT_EQ(first.history().validations.back().step, done);
  Trainer again(tiny_task(), options);
  ASSERT_EQ(again.run(controls), TrainingOutcome::finished);
  EXPECT_EQ(again.history().step, done) << "the time of all sessions counts";
  options.minutes = first.history().seconds / 60 + 0.01;
  Trainer longer(tiny_task(), options);
  ASSERT_EQ(longer.run(controls), TrainingOutcome::finished);
  EXPECT_GT(longer.history().step, done);
}

TEST(Trainer, EstimatesWhatIsLeftByThePaceOfThisSession) {
  TrainingOptions options = tiny_options();
  options.steps = 1'000'000'000;
  options.validate_every = options.checkpoint_every = options.steps;
  options.minutes = 0.03;
  CancellationToken stop;
  TrainingControls controls{.state = test::scratch_folder() / "state", .fingerprint = "{}"};
  controls.cancellation = &stop;
  controls.on_step = [&](const ProgressEvent& event) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (event.step == 6) stop.cancel();
  };
  Trainer slow(tiny_task(), options);
  ASSERT_EQ(slow.run(controls), TrainingOutcome::interrupted);
  std::int64_t step = 0, expected = 0;
  controls.cancellation = nullptr;
  controls.on_step = [&](const ProgressEvent& event) {
    if (event.step != 16) return;
    step = event.step;
    expected = event.steps;
  };
  Trainer fast(tiny_task(), options);
  ASSERT_EQ(fast.run(controls), TrainingOutcome::finished);
  ASSERT_EQ(step, 16);
  const double pace_before = static_cast<double>(slow.history().step) / slow.history().seconds;
  EXPECT_GT(static_cast<double>(expected), 2 * pace_before * 60 * options.minutes);
}

/// Trained on white, judged on black: validation turns up.
TEST(Trainer, ExportsTheWeightsThatValidationLikesBest) {
  TrainingTask task = tiny_task();
  task.images.image = [](std::int64_t) { return at::ones({1, 12, 12}); };
  task.validation.image = [](std::int64_t) { return at::full({1, 12, 12}, -1.0); };
  TrainingOptions options = tiny_options();
  options.steps = 60;
  options.learning_rate = 0.02;
  std::vector<double> exported, validated;
  TrainingControls controls{.state = test::scratch_folder() / "state", .fingerprint = "{}"};
  controls.on_export = [&](const NetworkPrior& prior, const UNet2D&) {
    exported.push_back(mean_log_error(prior.description().denoising_mse));
  };
  controls.on_validation = [&](const NetworkPrior&, const TrainingHistory& history) {
    validated.push_back(mean_log_error(history.validations.back().table));
  };
  Trainer trainer(task, options);
  ASSERT_EQ(trainer.run(controls), TrainingOutcome::finished);
  ASSERT_EQ(validated.size(), 10U);
  std::vector<double> falling;
  for (const double error : validated) {
    if (falling.empty() || error < falling.back()) falling.push_back(error);
  }
  EXPECT_EQ(exported, falling);
  EXPECT_LT(exported.size(), validated.size()) << "this run was to turn up";
  ASSERT_NE(best_validation(trainer.history()), nullptr);
  EXPECT_EQ(mean_log_error(best_validation(trainer.history())->table), falling.back());
}

TEST(TrainingHistory, ComparesValidationsAtTheSameLevelsOnly) {
  TrainingHistory history;
  EXPECT_EQ(best_validation(history), nullptr);
  history.validations = {
      {10, {{0.1, 1e-9}}}, {20, {{0.1, 0.1}, {1, 0.4}}}, {30, {{0.1, 0.2}, {1, 0.1}}}, {40, {{0.1, 0.02}, {1, 1.5}}}};
  EXPECT_EQ(best_validation(history)->step, 30) << "by 0.2 x 0.1, beside 0.02 x 1.5 and 0.1 x 0.4";
}

TEST(Trainer, RefusesTheStateOfAnotherRunAndDamagedStates) {
  const fs::path folder = test::scratch_folder();
  TrainingControls controls{.state = folder / "state", .fingerprint = R"({"training": {"seed": 0}})"};
  TrainingOptions options = tiny_options();
  options.steps = 1;
  Trainer(tiny_task(false), options).run(controls);
  controls.fingerprint = R"({"training": {"seed": 1}})";
  try {
    Trainer(tiny_task(false), options).run(controls);
    FAIL() << "took another run's state";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    test::expect_says(error.what(), {"/training/seed was 0, is 1", "resume: never"});
  }
  controls.fingerprint = R"({"training": {"seed": 0}})";
  TrainingTask larger = tiny_task(false);
  NetworkOptions shape;
  shape.channels = {16, 16};
  shape.groups = 4;
  shape.mid_attention = false;
  larger.network = fresh(shape.config(1, ""));
  test::expect_says(test::complaint([&] { Trainer(larger, options).run(controls); }), {"another shape"});

  const std::map<std::string, at::Tensor> nothing{{"weight", at::zeros({1})}};
  write_safetensors(controls.state, nothing, {});
  test::expect_says(test::complaint([&] { Trainer(tiny_task(false), options).run(controls); }), {"is no state"});
  write_safetensors(
      controls.state, nothing,
      {{"format", "recon-training-state-1"}, {"fingerprint", controls.fingerprint}, {"history", "{\"step\": 1"}});
  test::expect_says(test::complaint([&] { Trainer(tiny_task(false), options).run(controls); }), {"damaged"});
  fs::resize_file(controls.state, 40);
  EXPECT_NE(test::complaint([&] { Trainer(tiny_task(false), options).run(controls); }), "");
}

TEST(Trainer, StopsWhenTheLossIsNoNumberAndKeepsTheLastGoodState) {
  const fs::path folder = test::scratch_folder();
  TrainingTask task = tiny_task(false);
  const TrainingImages good = task.images;
  const std::int64_t spoiled_from = 18;  // images 0..2 make step 0
  std::int64_t asked = 0;
  task.images.image = [good, &asked](std::int64_t index) {
    return ++asked > spoiled_from ? at::full({1, 12, 12}, NAN) : good.image(index);
  };
  TrainingOptions options = tiny_options();
  options.steps = 100;
  options.validate_every = 100;
  Trainer trainer(task, options);
  EXPECT_EQ(trainer.run({.state = folder / "state", .fingerprint = "{}"}), TrainingOutcome::diverged);
  EXPECT_EQ(trainer.history().skipped, 20);
  const auto network = trainer.averaged_network();
  for (const auto& parameter : network->parameters()) {
    EXPECT_TRUE(parameter.value.isfinite().all().item<bool>()) << parameter.name;
  }
}

TEST(Trainer, ComputesNearlyTheSameInBfloat16) {
  TrainingOptions options = tiny_options();
  Trainer exact(tiny_task(), options);
  options.precision = test::word("bfloat16");
  Trainer rounded(tiny_task(), options);
  const double a = exact.loss(0).item<double>(), b = rounded.loss(0).item<double>();
  EXPECT_NEAR(b / a, 1, 0.01);  // bfloat16 has 8 bits: 0.4 % per rounding, averaged over 192 pixels
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU)) << "must not leak out of the trainer";
}

}  // namespace
}  // namespace recon
