// Operators on one image: apply, adjoint and the shifted solve, and the Fourier seam against at::fft.
// Run: build/release/tests/benchmarks/recon_benchmarks --benchmark_filter=operators (or fft). Time is per image.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include "operators/blur/blur.h"
#include "operators/fourier/fft.h"
#include "operators/fourier/fourier.h"
#include "operators/resampling/super_resolution.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

at::Tensor draw(const TensorSpec& spec) {
  return Rng(1, "operators_benchmark").normal({StreamKey{}}, 0, spec, at::kFloat);
}

LinearOperatorPtr make(const std::string& name, std::int64_t side) {
  const TensorSpec image{{1, side, side}, ScalarKind::real};
  const at::Tensor line = (-0.5 * (at::arange(25, at::kDouble) - 12).div(3).square()).exp();
  const at::Tensor kernel = line.unsqueeze(1) * line.unsqueeze(0) / line.sum().square();
  if (name == "blur_circular") return make_blur(image, kernel, Boundary::circular, "gaussian");
  if (name == "blur_reflect") return make_blur(image, kernel, Boundary::reflect, "gaussian");
  if (name == "average_x4") return make_average_downsampling(image, 4);
  if (name == "bicubic_x4") return make_bicubic_downsampling(image, 4, BicubicBorder::renormalize);
  const at::Tensor columns = (at::arange(side, at::kDouble).remainder(4) == 0).to(at::kDouble);
  return make_fourier(image, columns.expand({side, side}), "every fourth column");
}

void run_operator(benchmark::State& state, const std::string& name, const std::string& member) {
  at::set_num_threads(static_cast<int>(state.range(1)));
  const auto op = make(name, state.range(0));
  const at::Tensor x = draw(op->domain());
  const at::Tensor y = op->apply(x);
  const at::Tensor shift = at::full({1}, 0.1, at::kDouble);
  for (auto iteration : state) {
    if (member == "apply") benchmark::DoNotOptimize(op->apply(x));
    if (member == "adjoint") benchmark::DoNotOptimize(op->adjoint(y));
    if (member == "solve_shifted") benchmark::DoNotOptimize(op->solve_shifted(x, shift));
  }
}

void run_transform(benchmark::State& state, const std::string& which) {
  at::set_num_threads(static_cast<int>(state.range(1)));
  const std::vector<std::int64_t> axes{-2, -1};
  const at::Tensor x = draw({{1, state.range(0), state.range(0)}, ScalarKind::real});
  const at::Tensor z = draw({{1, state.range(0), state.range(0)}, ScalarKind::complex});
  const auto centred = [&] {
    return at::fft_fftshift(at::fft_fft2(at::fft_ifftshift(z, axes), {}, axes, "ortho"), axes);
  };
  for (auto iteration : state) {
    if (which == "ours_centred") benchmark::DoNotOptimize(fft2_centred(z));
    if (which == "aten_centred") benchmark::DoNotOptimize(centred());
    if (which == "ours_real") benchmark::DoNotOptimize(irfft2(rfft2(x), x.size(-1)));
    if (which == "aten_real") benchmark::DoNotOptimize(at::fft_irfft2(at::fft_rfft2(x), {{x.size(-2), x.size(-1)}}));
  }
}

const bool registered = [] {
  const auto sizes = [](benchmark::internal::Benchmark* entry) {
    entry->ArgsProduct({{256, 512}, {1, 2}})
        ->ArgNames({"side", "threads"})
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  };
  for (const std::string name : {"blur_circular", "blur_reflect", "fourier", "average_x4", "bicubic_x4"}) {
    for (const std::string member : {"apply", "adjoint", "solve_shifted"}) {
      sizes(benchmark::RegisterBenchmark(("operators/" + name + "/" + member).c_str(), run_operator, name, member));
    }
  }
  for (const std::string which : {"ours_centred", "aten_centred", "ours_real", "aten_real"}) {
    sizes(benchmark::RegisterBenchmark(("fft/" + which).c_str(), run_transform, which));
  }
  return true;
}();

}  // namespace
}  // namespace recon
