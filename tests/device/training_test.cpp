// Training on the device: the losses and the weights of the CPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/train/network_options.h"
#include "priors/train/parameter_initializer.h"
#include "priors/train/trainer.h"
#include "tests/device/device_support.h"
#include "tests/support/faults.h"

namespace recon::test {
namespace {

TrainingOptions few_steps() {
  TrainingOptions options;
  options.steps = 6;
  options.batch = 3;
  options.crop = 8;
  options.warmup = 2;
  options.checkpoint_every = 3;
  options.validate_every = 3;
  options.validation_images = 2;
  options.validation_levels = 2;
  return options;
}

TrainingTask small_task(bool position_channels = false) {
  NetworkOptions options;
  options.channels = {8, 8};
  options.groups = 4;
  options.head_channels = 4;
  UNet2DConfig config = options.config(1, "small");
  if (position_channels) config.in_channels += kPositionChannels;
  ParameterInitializer source(0);
  const auto images = [](std::uint64_t stream) {
    return TrainingImages{5, [stream](std::int64_t index) {
                            return Rng(stream, "images")
                                .normal({{static_cast<std::uint64_t>(index), 0}}, 0, {{1, 12, 12}, ScalarKind::real},
                                        at::kFloat)[0];
                          }};
  };
  NetworkPriorDescription description{.name = "small",
                                      .domain = {.channels = 1, .fixed_size = {}, .multiple = 2},
                                      .schedule = NoiseSchedule::vp_linear(),
                                      .prediction = Prediction::v,
                                      .position_channels = position_channels};
  return {.description = std::move(description),
          .network = std::make_shared<const UNet2D>(config, source),
          .images = images(1),
          .validation = images(2)};
}

TEST(TrainingOnTheDevice, EqualsTheCpuAndResumes) {
  const auto folder = scratch_folder();
  Trainer cpu(small_task(), few_steps()), device(small_task(), few_steps(), kDevice);
  EXPECT_EQ(cpu.run({.state = folder / "cpu", .fingerprint = "f"}), TrainingOutcome::finished);
  EXPECT_EQ(device.run({.state = folder / "device", .fingerprint = "f", .device = kDevice}), TrainingOutcome::finished);
  ASSERT_EQ(device.history().loss.size(), cpu.history().loss.size());
  for (std::size_t i = 0; i < cpu.history().loss.size(); ++i) {
    EXPECT_NEAR(device.history().loss[i], cpu.history().loss[i], 1e-4 * cpu.history().loss[i]) << "step " << i;
  }
  const auto of_cpu = cpu.averaged_network(), of_device = device.averaged_network();
  for (std::size_t i = 0; i < of_cpu->parameters().size(); ++i) {
    EXPECT_LT(difference(of_device->parameters()[i].value.detach(), of_cpu->parameters()[i].value.detach()), 1e-3)
        << of_cpu->parameters()[i].name;
  }
  // The state that a device wrote is read on it: nothing is left to do.
  Trainer again(small_task(), few_steps(), kDevice);
  EXPECT_EQ(again.run({.state = folder / "device", .fingerprint = "f", .device = kDevice}), TrainingOutcome::finished);
  EXPECT_EQ(again.history().loss, device.history().loss);
}

TEST(TrainingOnTheDevice, KnowsWhereCropsLie) {
  Trainer cpu(small_task(true), few_steps()), device(small_task(true), few_steps(), kDevice);
  for (std::int64_t step = 0; step < 3; ++step) {
    EXPECT_LT(difference(device.loss(step), cpu.loss(step)), 1e-4);
    cpu.update();
    device.update();
  }
}

}  // namespace
}  // namespace recon::test
