// The network that a training begins with, from a prior that saw other channels.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "priors/checkpoints/prior_writer.h"
#include "priors/load_prior.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "recon/pipeline/train/training.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

TrainingPlan plan_of(const std::string& init, const std::string& more) {
  const std::string text = "images: " + test::source_path("data/samples/photograph.png") + "\ninit: " + init +
                           "\nspace_to_depth: 2\ntraining: {batch: 2, crop: 32}\n" + more;
  return read_training_plan(Config::from_text(text, "train.yaml"), std::nullopt);
}

/// A prior whose denoiser is that of the task before its first step.
NetworkPrior beginning(const std::string& init, const std::string& more) {
  const TrainingTask task = training_task(plan_of(init, more));
  return {task.description, task.network};
}

at::Tensor noisy(std::int64_t channels) {
  return Rng(3, "x").normal({{0, 0}}, 0, {{channels, 32, 48}, ScalarKind::real}, at::kFloat);
}
double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

constexpr NoiseLevel kLevel{.alpha = 1, .sigma = 0.7};
constexpr const char* kPositions = "position_channels: true\n";
constexpr const char* kMeasurement =
    "measurement: {operator: {type: inpainting, missing_fraction: 0.5}, noise_std: 0.1}\n";

/// natural_rgb or natural_gray with positions that mean something, in a folder.
std::string with_positions(const std::string& init, const std::string& more) {
  const TrainingTask task = training_task(plan_of(init, more + kPositions));
  for (const auto& [name, value] : task.network->parameters()) {
    if (name == "conv_in.weight") value.narrow(1, value.size(1) - 2, 2).fill_(0.3);
  }
  const std::string folder = (test::scratch_folder() / "with_positions").string() + "/";
  write_prior(folder, task.description, *task.network, {}, at::kFloat);
  return folder;
}

TEST(TrainingTask, WithPositionsBeginsAsThePriorWithout) {
  const PriorPtr before = load_prior("natural_gray");
  const NetworkPrior prior = beginning("natural_gray", kPositions);
  EXPECT_EQ(prior.network().in_channels(), 6);
  EXPECT_TRUE(prior.description().position_channels);
  EXPECT_LT(largest(prior.denoise(noisy(1), kLevel) - before->denoise(noisy(1), kLevel)), 1e-5);
}

TEST(TrainingTask, GoesOnFromAPriorWithPositions) {
  const std::string folder = with_positions("natural_gray", "");
  const at::Tensor expected = load_prior(folder)->denoise(noisy(1), kLevel);
  EXPECT_LT(largest(beginning(folder, kPositions).denoise(noisy(1), kLevel) - expected), 1e-5);
  EXPECT_GT(largest(load_prior("natural_gray")->denoise(noisy(1), kLevel) - expected), 1e-3) << "they say something";
  test::expect_says(test::complaint([&] { training_task(plan_of(folder, "")); }, ErrorKind::usage),
                    {folder, "position_channels: true"});
}

TEST(TrainingTask, TakesGreyFromColourWithPositions) {
  const std::string folder = with_positions("natural_rgb", "channels: rgb\n");
  const at::Tensor grey = noisy(1);
  const at::Tensor of_gray = beginning(folder, kPositions).denoise(grey, kLevel);
  const at::Tensor of_colour = load_prior(folder)->denoise(grey.expand({1, 3, 32, 48}), kLevel);
  EXPECT_LT(largest(of_gray - of_colour.mean(1, true)), 1e-4);
}

/// Channels of the measurement come between the image's and the positions, and weigh nothing at first.
TEST(TrainingTask, PutsAMeasurementBeforePositions) {
  const std::string folder = with_positions("natural_gray", "");
  const TrainingTask located = training_task(plan_of(folder, kPositions));
  const TrainingTask both = training_task(plan_of(folder, std::string(kPositions) + kMeasurement));
  ASSERT_EQ(both.network->in_channels(), 10);
  const at::Tensor x = Rng(4, "x").normal({{0, 0}}, 0, {{10, 8, 8}, ScalarKind::real}, at::kFloat);
  const at::Tensor t = at::full({1}, 300.0F), seen = at::cat({x.narrow(1, 0, 4), x.narrow(1, 8, 2)}, 1);
  EXPECT_LT(largest(both.network->forward(x, t) - located.network->forward(seen, t)), 1e-5);
  EXPECT_EQ(training_task(plan_of("natural_gray", std::string(kPositions) + kMeasurement)).network->in_channels(), 10);
}

}  // namespace
}  // namespace recon
