// The embedded prior's denoiser: milliseconds of a forward pass, of the backward pass that follows it, and of loading.
// Arguments: side of the image, threads. Run: recon_benchmarks --benchmark_filter='Prior|Bfloat16'
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include "priors/load_prior.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

const NoiseLevel kLevel{.alpha = 1, .sigma = 0.5};

at::Tensor image(std::int64_t side) {
  return Rng(0, "benchmark").normal({{0, 0}}, 0, {{1, side, side}, ScalarKind::real}, at::kFloat);
}

void PriorDenoise(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(1)));
  const PriorPtr prior = load_prior("natural_gray");
  const at::Tensor x = image(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(prior->denoise(x, kLevel));
}

void forward(benchmark::State& state, Precision precision) {
  at::set_num_threads(static_cast<int>(state.range(1)));
  const PriorPtr prior = load_prior("natural_gray", precision);
  const at::Tensor x = image(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(prior->linearize(x, kLevel));
}

void backward(benchmark::State& state, Precision precision) {
  at::set_num_threads(static_cast<int>(state.range(1)));
  const PriorPtr prior = load_prior("natural_gray", precision);
  const at::Tensor x = image(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    const Linearized linearized = prior->linearize(x, kLevel);
    state.ResumeTiming();
    benchmark::DoNotOptimize(linearized.pullback(x));
  }
}

void PriorForwardKeepingTheGraph(benchmark::State& state) { forward(state, Precision::float32); }
void PriorBackward(benchmark::State& state) { backward(state, Precision::float32); }
void Bfloat16ForwardKeepingTheGraph(benchmark::State& state) { forward(state, Precision::bfloat16); }
void Bfloat16Backward(benchmark::State& state) { backward(state, Precision::bfloat16); }

void PriorLoad(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(load_prior("natural_gray"));
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"side", "threads"})->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const int side : {128, 256}) {
    for (const int threads : {1, 2}) benchmark->Args({side, threads});
  }
}

BENCHMARK(PriorDenoise)->Apply(sizes);
BENCHMARK(PriorForwardKeepingTheGraph)->Apply(sizes);
BENCHMARK(PriorBackward)->Apply(sizes);
BENCHMARK(Bfloat16ForwardKeepingTheGraph)->Apply(sizes);
BENCHMARK(Bfloat16Backward)->Apply(sizes);
BENCHMARK(PriorLoad)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace recon
