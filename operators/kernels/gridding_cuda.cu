#include "operators/kernels/kernels_cuda.h"

namespace recon {
namespace {

constexpr int threads_per_block = 256;

template <int Width, class Real>
__global__ void interpolate_kernel(gridding::SortedSamples<Real> sorted, const Real* grids, Real* samples) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < sorted.at.samples) gridding::interpolate_one<Width>(sorted, blockIdx.y, i, grids, samples);
}

template <int Width, class Real>
__global__ void gather_kernel(gridding::SortedSamples<Real> sorted, const Real* samples, Real* grids) {
  const std::int64_t entry = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (entry < sorted.at.rows * sorted.at.columns) {
    gridding::gather_one<Width>(sorted, blockIdx.y, entry, samples, grids);
  }
}

/// launch(blocks, first grid) for as many grids at a time as a launch takes.
template <class Launch>
void for_grids(std::int64_t threads, std::int64_t grid_count, const Launch& launch) {
  constexpr std::int64_t most = 65535;
  const auto blocks = static_cast<unsigned>((threads + threads_per_block - 1) / threads_per_block);
  for (std::int64_t first = 0; first < grid_count; first += most) {
    const std::int64_t count = grid_count - first < most ? grid_count - first : most;
    launch(dim3(blocks, static_cast<unsigned>(count)), first);
  }
}

}  // namespace

template <class Real>
void interpolate_on_cuda(std::int64_t width, const gridding::SortedSamples<Real>& sorted, std::int64_t grid_count,
                         const Real* grids, Real* samples, cudaStream_t stream) {
  gridding::with_width(width, [&](auto fixed) {
    for_grids(sorted.at.samples, grid_count, [&](dim3 blocks, std::int64_t first) {
      interpolate_kernel<decltype(fixed)::value><<<blocks, threads_per_block, 0, stream>>>(
          sorted, grids + 2 * first * sorted.at.rows * sorted.at.columns, samples + 2 * first * sorted.at.samples);
    });
  });
}

template <class Real>
void gather_on_cuda(std::int64_t width, const gridding::SortedSamples<Real>& sorted, std::int64_t grid_count,
                    const Real* samples, Real* grids, cudaStream_t stream) {
  const std::int64_t entries = sorted.at.rows * sorted.at.columns;
  gridding::with_width(width, [&](auto fixed) {
    for_grids(entries, grid_count, [&](dim3 blocks, std::int64_t first) {
      gather_kernel<decltype(fixed)::value><<<blocks, threads_per_block, 0, stream>>>(
          sorted, samples + 2 * first * sorted.at.samples, grids + 2 * first * entries);
    });
  });
}

template void interpolate_on_cuda(std::int64_t, const gridding::SortedSamples<float>&, std::int64_t, const float*,
                                  float*, cudaStream_t);
template void interpolate_on_cuda(std::int64_t, const gridding::SortedSamples<double>&, std::int64_t, const double*,
                                  double*, cudaStream_t);
template void gather_on_cuda(std::int64_t, const gridding::SortedSamples<float>&, std::int64_t, const float*, float*,
                             cudaStream_t);
template void gather_on_cuda(std::int64_t, const gridding::SortedSamples<double>&, std::int64_t, const double*, double*,
                             cudaStream_t);

}  // namespace recon
