#include "operators/kernels/kernels_cuda.h"

namespace recon {
namespace {

constexpr int threads_per_block = 128;

template <class View, class T>
__global__ void project_kernel(const View* views, projection::Planes planes, const T* x, T* y) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < planes.views * planes.size.bins) projection::project_one(views, planes, blockIdx.y, i, x, y);
}

template <class View, class T>
__global__ void back_project_kernel(const View* views, projection::Planes planes, const T* y, T* x) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < planes.size.height * planes.size.width) projection::back_project_one(views, planes, blockIdx.y, i, y, x);
}

/// 65535 groups of planes are more than any memory holds.
dim3 blocks_for(std::int64_t threads, const projection::Planes& planes) {
  return {static_cast<unsigned>((threads + threads_per_block - 1) / threads_per_block),
          static_cast<unsigned>(planes.groups())};
}

}  // namespace

template <class View, class T>
void project_on_cuda(const View* views, const projection::Planes& planes, const T* x, T* y, cudaStream_t stream) {
  const dim3 blocks = blocks_for(planes.views * planes.size.bins, planes);
  project_kernel<<<blocks, threads_per_block, 0, stream>>>(views, planes, x, y);
}

template <class View, class T>
void back_project_on_cuda(const View* views, const projection::Planes& planes, const T* y, T* x, cudaStream_t stream) {
  const dim3 blocks = blocks_for(planes.size.height * planes.size.width, planes);
  back_project_kernel<<<blocks, threads_per_block, 0, stream>>>(views, planes, y, x);
}

#define RECON_INSTANTIATE(View, T)                                                                   \
  template void project_on_cuda(const View*, const projection::Planes&, const T*, T*, cudaStream_t); \
  template void back_project_on_cuda(const View*, const projection::Planes&, const T*, T*, cudaStream_t);
RECON_INSTANTIATE(ParallelView, float)
RECON_INSTANTIATE(ParallelView, double)
RECON_INSTANTIATE(FanView, float)
RECON_INSTANTIATE(FanView, double)
#undef RECON_INSTANTIATE

}  // namespace recon
