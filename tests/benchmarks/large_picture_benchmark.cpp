// The embedded prior on large pictures: time, and the most memory that the process held, as a whole and in bands.
// Arguments: side of the picture, budget in MiB (0: none). Run: recon_benchmarks --benchmark_filter=Large
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <fstream>
#include <string>

#include "priors/load_prior.h"
#include "priors/networks/row_store.h"
#include "recon/core/memory_budget.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

const NoiseLevel kNoisy{.alpha = 1, .sigma = 0.5};

/// The most that the process has held since `forget_peak()`, in MiB.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    double kib = 0;
    status >> kib;
    return kib / 1024;
  }
  return 0;
}

void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

struct LargePicture {
  PriorPtr prior;
  at::Tensor x;
  double before = static_cast<double>(resident_bytes()) / 1024 / 1024;

  explicit LargePicture(const benchmark::State& state)
      : prior(load_prior("natural_gray", Precision::float32, state.range(1) << 20)),
        x(Rng(0, "large").normal({{0, 0}}, 0, {{1, state.range(0), state.range(0)}, ScalarKind::real}, at::kFloat)) {
    at::set_num_threads(1);
    forget_peak();
  }
  void report(benchmark::State& state) const {
    state.counters["before_MiB"] = before;
    state.counters["peak_MiB"] = peak_mib();
  }
};

void LargeDenoise(benchmark::State& state) {
  const LargePicture large(state);
  for (auto _ : state) benchmark::DoNotOptimize(large.prior->denoise(large.x, kNoisy));
  large.report(state);
}

void LargePullback(benchmark::State& state) {
  const LargePicture large(state);
  for (auto _ : state) benchmark::DoNotOptimize(large.prior->linearize(large.x, kNoisy).pullback(large.x));
  large.report(state);
}

void sides(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"side", "budget_MiB"})->Unit(benchmark::kSecond)->UseRealTime()->Iterations(1);
  for (const int side : {512, 1024}) {
    for (const int budget : {0, 600}) benchmark->Args({side, budget});
  }
  benchmark->Args({2048, 1500});
}

BENCHMARK(LargeDenoise)->Apply(sides);
BENCHMARK(LargePullback)->Apply(sides);

}  // namespace
}  // namespace recon
