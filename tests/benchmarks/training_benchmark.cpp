// One training step: batch, noise, forward, backward, AdamW, average. Milliseconds, one thread, natural_gray's network
// on 8 crops of 64 x 64, and the network of configs/train/tiny.yaml. Argument: 1 for bfloat16. Against PyTorch:
// tests/benchmarks/training_against_pytorch.py runs both in turn and prints the ratio.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include "priors/load_prior.h"
#include "priors/train/network_options.h"
#include "priors/train/parameter_initializer.h"
#include "priors/train/trainer.h"
#include "tests/support/word.h"

namespace recon {
namespace {

std::shared_ptr<const UNet2D> shipped_network() {
  const auto prior = std::dynamic_pointer_cast<const NetworkPrior>(load_prior("natural_gray"));
  const auto& network = dynamic_cast<const UNet2D&>(prior->network());
  CopiedParameters source(network.parameters(), c10::kCPU);
  return std::make_shared<const UNet2D>(network.config(), source);
}

std::shared_ptr<const UNet2D> tiny_network() {
  NetworkOptions shape;
  shape.channels = {16, 32};
  shape.groups = 8;
  shape.head_channels = 16;
  ParameterInitializer source(0);
  return std::make_shared<const UNet2D>(shape.config(4, "tiny"), source);
}

void steps(benchmark::State& state, std::shared_ptr<const UNet2D> network, std::int64_t side) {
  at::set_num_threads(1);
  NetworkPriorDescription description{.name = "benchmark",
                                      .domain = {.channels = 1, .fixed_size = {}, .multiple = 8},
                                      .schedule = NoiseSchedule::vp_linear(),
                                      .prediction = Prediction::v};
  description.space_to_depth = 2;
  const at::Tensor image = at::zeros({1, 2 * side, 2 * side}, at::kFloat);
  TrainingOptions options;
  options.batch = 8;
  options.crop = side;
  options.levels = test::word("log_normal");
  options.precision = state.range(0) == 1 ? Precision::bfloat16 : Precision::float32;
  Trainer trainer({.description = std::move(description),
                   .network = std::move(network),
                   .images = {1, [&](std::int64_t) { return image; }},
                   .validation = {}},
                  options);
  for (int first = 0; first < 2; ++first) trainer.update();  // memory is asked for, primitives are made
  for (auto _ : state) benchmark::DoNotOptimize(trainer.update());
}

void TrainingStep(benchmark::State& state) { steps(state, shipped_network(), 64); }
void TinyTrainingStep(benchmark::State& state) { steps(state, tiny_network(), 32); }

BENCHMARK(TrainingStep)->ArgName("bfloat16")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(TinyTrainingStep)->ArgName("bfloat16")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace recon
