#include "recon/core/philox.h"
#include "recon/core/philox_cuda.h"

namespace recon {
namespace {

constexpr int threads_per_block = 256;

template <class T>
__global__ void normal_kernel(T* out, std::int64_t count, std::uint64_t key, std::uint32_t step) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) out[i] = static_cast<T>(philox::normal(key, step, static_cast<std::uint64_t>(i)));
}

template <class T>
void launch(T* out, std::int64_t count, std::uint64_t key, std::uint32_t step, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((count + threads_per_block - 1) / threads_per_block);
  if (blocks > 0) normal_kernel<<<blocks, threads_per_block, 0, stream>>>(out, count, key, step);
}

}  // namespace

void philox_normal(float* out, std::int64_t count, std::uint64_t key, std::uint32_t step, cudaStream_t stream) {
  launch(out, count, key, step, stream);
}
void philox_normal(double* out, std::int64_t count, std::uint64_t key, std::uint32_t step, cudaStream_t stream) {
  launch(out, count, key, step, stream);
}

}  // namespace recon
