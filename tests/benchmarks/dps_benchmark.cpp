// Milliseconds per DPS step with the embedded prior, split into network forward, network backward, operator and rest.
// Run: build/release/tests/benchmarks/recon_benchmarks --benchmark_filter=DpsStep
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include "operators/inpainting/inpainting.h"
#include "priors/load_prior.h"
#include "recon/solvers/posterior/dps.h"

namespace recon {
namespace {

constexpr std::int64_t steps = 6;

/// Arguments: image size, threads.
void BM_DpsStep(benchmark::State& state) {
  const std::int64_t size = state.range(0);
  at::set_num_threads(static_cast<int>(state.range(1)));
  static const PriorPtr prior = load_prior("natural_gray");
  const TensorSpec image{{1, size, size}, ScalarKind::real};
  const std::vector<StreamKey> keys = {{1, 0}};
  const at::Tensor mask = (Rng(1, "mask").uniform(keys, 0, image)[0] < 0.3).to(at::kDouble);
  Problem problem{
      .op = make_inpainting(image, mask, "random"), .y = {}, .noise_std = {0.05}, .keys = keys, .image = image};
  problem.y = problem.op->apply(0.3 * Rng(1, "truth").normal(keys, 0, image, at::kFloat));
  Dps dps;
  dps.sampling.steps = steps;
  dps.solves = 0;
  double forward = 0, backward = 0, op = 0, total = 0, peak = 0;
  for (auto _ : state) {
    const Report report = dps.solve(problem, prior.get(), {});
    forward += report.seconds_network_forward;
    backward += report.seconds_network_backward;
    op += report.seconds_operator;
    total += report.seconds;
    peak = std::max(peak, report.peak_mib);
  }
  const double per_step = 1e3 / static_cast<double>(state.iterations() * steps);
  state.counters["step_ms"] = total * per_step;
  state.counters["forward_ms"] = forward * per_step;
  state.counters["backward_ms"] = backward * per_step;
  state.counters["operator_ms"] = op * per_step;
  state.counters["rest_ms"] = (total - forward - backward - op) * per_step;
  state.counters["operator_and_rest_percent"] = 100 * (total - forward - backward) / total;
  state.counters["peak_mib"] = peak;
}
BENCHMARK(BM_DpsStep)
    ->ArgNames({"size", "threads"})
    ->ArgsProduct({{128, 256}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace recon
